//! The README's tour does what it says: its lines are run as they stand, by a shell, against a real server.

use std::process::Command;

use crate::harness::app::App;

#[tokio::test]
async fn the_readmes_tour_works_as_printed() {
    let readme = include_str!("../../README.md");
    let tour = readme.split("<!-- tour").nth(1).and_then(|rest| rest.split("```sh\n").nth(1)).expect("a tour");
    let tour = tour.split("```").next().expect("it ends").to_owned();
    let app = App::start().await;
    let script = format!("set -eu\n{}", tour.replace("http://localhost:8080", &app.url("")));
    let run = tokio::task::spawn_blocking(move || Command::new("bash").arg("-c").arg(script).output());
    let output = run.await.expect("the shell ran").expect("bash is there");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    for expected in
        ["SCHEDULE_CONFLICT", "refused, as it must be", "\"accepted\":1", "\"distanceM\"", "\"status\":\"scheduled\""]
    {
        assert!(text.contains(expected), "{expected} not in\n{text}");
    }
}
