//! Live positions: what a phone's points mean, in which order they count, and who is online.
