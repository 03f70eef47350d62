//! `muster doctor`: what can be wrong with an installation, found without changing anything, with the mend for each.

mod address;
mod database;
mod ground;
mod upgrade;

use std::fmt;

use anyhow::bail;

use crate::settings::Settings;

/// How one check came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub subject: &'static str,
    pub verdict: Verdict,
    pub says: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Well,
    /// It runs, and will hurt some day; with the mend.
    Doubtful(String),
    /// It does not run, or is not safe; with the mend.
    Wrong(String),
}

impl Finding {
    pub fn well(subject: &'static str, says: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Well, says: says.into() }
    }

    pub fn doubtful(subject: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Doubtful(mend.into()), says: says.into() }
    }

    pub fn wrong(subject: &'static str, says: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { subject, verdict: Verdict::Wrong(mend.into()), says: says.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mark, mend) = match &self.verdict {
            Verdict::Well => ("ok   ", None),
            Verdict::Doubtful(mend) => ("hmm  ", Some(mend)),
            Verdict::Wrong(mend) => ("WRONG", Some(mend)),
        };
        write!(f, "{mark}  {:<12}  {}", self.subject, self.says)?;
        mend.map_or(Ok(()), |mend| write!(f, "\n       {:<12}  -> {mend}", ""))
    }
}

/// Prints each finding as it comes; fails when something is wrong.
pub async fn run(settings: Settings) -> anyhow::Result<()> {
    let mut findings = Vec::new();
    let mut tell = |some: Vec<Finding>| {
        some.iter().for_each(|finding| println!("{finding}"));
        findings.extend(some);
    };
    tell(ground::check(&settings));
    tell(database::check(&settings).await);
    let listening = address::check_listen(&settings).await;
    let is_running = listening.1;
    tell(vec![listening.0]);
    tell(address::check_public(&settings, is_running).await.into_iter().collect());
    let count = |is: fn(&Verdict) -> bool| findings.iter().filter(|finding| is(&finding.verdict)).count();
    let (wrong, doubtful) =
        (count(|is| matches!(is, Verdict::Wrong(_))), count(|is| matches!(is, Verdict::Doubtful(_))));
    println!();
    match (wrong, doubtful) {
        (0, 0) => println!("All is well."),
        (0, _) => println!("It runs. Worth a look: {doubtful}."),
        _ => bail!("wrong: {wrong}, worth a look: {doubtful}"),
    }
    Ok(())
}
