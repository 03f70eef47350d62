//! The one table of error codes: what goes on the wire, with which status, and whether trying again can help.

macro_rules! codes {
    ($($code:ident $status:literal $retryable:literal $title:literal $means:literal;)+) => {
        /// An error code of the API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        pub enum Code { $($code),+ }
        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$code),+];
            pub fn name(self) -> &'static str { match self { $(Code::$code => stringify!($code)),+ } }
            pub fn status(self) -> u16 { match self { $(Code::$code => $status),+ } }
            pub fn title(self) -> &'static str { match self { $(Code::$code => $title),+ } }
            pub fn is_retryable(self) -> bool { match self { $(Code::$code => $retryable),+ } }
            /// One sentence for the reference page.
            pub fn means(self) -> &'static str { match self { $(Code::$code => $means),+ } }
        }
    };
}

codes! {
    ACCOUNT_REQUIRED 409 false "Account required" "The address belongs to several accounts: sign in again with `accountId`, one of `meta.accounts`.";
    ALREADY_EXISTS 409 false "Already exists" "Another resource has this id.";
    BODY_TOO_LARGE 413 false "Body too large" "The request's body is larger than the endpoint accepts.";
    EMAIL_TAKEN 409 false "E-mail taken" "Somebody already signed up with this address.";
    FORBIDDEN 403 false "Forbidden" "The caller's role does not allow this.";
    IDEMPOTENCY_KEY_REUSED 422 false "Idempotency key reused" "The same `Idempotency-Key` came with another body.";
    INTERNAL_ERROR 500 true "Internal error" "A fault of the server; quote the request id.";
    INVALID_CREDENTIALS 401 false "Invalid credentials" "The address or the password is wrong.";
    JSON_INVALID 400 false "Malformed JSON" "The body is not JSON.";
    METHOD_NOT_ALLOWED 405 false "Method not allowed" "The resource exists and does not answer this method.";
    MISSING_SKILL 422 false "Missing skill" "The worker lacks a skill that the job requires.";
    NOT_FOUND 404 false "Not found" "There is no such resource, or it belongs to another account.";
    ON_TIME_OFF 422 false "On time off" "The window touches the worker's time off.";
    OUTSIDE_WORKING_HOURS 422 false "Outside working hours" "The window is not wholly inside the worker's hours.";
    OUTCOME_UNKNOWN 503 true "Outcome unknown" "The connection to the database broke during the commit: repeat with the same `Idempotency-Key` to learn what happened.";
    OVERLOADED 429 true "Overloaded" "A queue is full and nothing happened; try again after `Retry-After`.";
    PAGE_TOO_DEEP 400 false "Page too deep" "Offset pages end at row 10,000; use `page[after]`.";
    PRECONDITION_FAILED 412 false "Precondition failed" "`If-Match` names an older version; `meta.current` is the current resource.";
    PRECONDITION_REQUIRED 428 false "Precondition required" "This change needs `If-Match` with the version that the caller saw.";
    RANGE_NOT_SATISFIABLE 416 false "Range not satisfiable" "The part that was asked for begins beyond the end of the file.";
    REFUSED 409 true "Refused by the store" "The change would break a rule that the database guards.";
    READ_ONLY 503 true "Read only" "The database takes no changes: it is a copy, or being moved. Nothing happened; reading works.";
    SCHEDULE_CONFLICT 409 false "Schedule conflict" "The worker is already occupied; `meta.conflicts` lists by what.";
    SESSION_ENDED 401 false "Session ended" "The session has ended or the token has expired: sign in again.";
    STORAGE_FULL 507 true "Storage full" "There is no room to write. Nothing happened; reading works.";
    SUPERSEDED 409 false "Superseded" "The reporter was assigned to the visit and no longer is; the report is kept as evidence.";
    TIMED_OUT 408 true "Timed out" "The request did not arrive in time.";
    TIME_OFF_OVERLAPS 409 false "Time off overlaps" "The worker already has time off in this window.";
    TOO_LONG 414 false "Address too long" "The request's path and parameters are longer than the server reads.";
    TOO_MANY_HEADERS 431 false "Headers too large" "The request's headers are larger than the server reads.";
    UNAUTHENTICATED 401 false "Unauthenticated" "The request carries no valid identity.";
    UNAVAILABLE 503 true "Unavailable" "The database cannot be reached; nothing happened.";
    UNSUPPORTED_MEDIA_TYPE 415 false "Unsupported media type" "Send `application/json`.";
    VALIDATION_ERROR 400 false "Validation failed" "What was sent is malformed or invalid; every faulty field is listed.";
    WORKER_INACTIVE 422 false "Worker inactive" "The worker has been deactivated.";
    WRONG_STATE 409 false "Wrong state" "The resource's state does not allow this; `meta.current` is its current state.";
}
