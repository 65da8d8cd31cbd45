//! What goes wrong with agents, by `[[outcome]] agent`.

use serde_json::json;

use super::account::{Account, simulated};

/// One instance whose agent has a fault; a document takes 10 s.
fn world(agent: &str) -> String {
    format!(
        "[[group]]\nname = \"web\"\nsize = 1\n[[outcome]]\nafter = \"10s\"\nstdout = \"said\"\n\
         agent = {agent}\n"
    )
}

/// Compares the status and the agent's connection at instants after the send; then how often the
/// document ran.
#[track_caller]
fn check(agent: &str, expected: &[(u64, &str, &str)], runs: u64) {
    simulated(&world(agent), async |account: Account| {
        let command = account.send().await;
        let mut passed = 0;
        for (seconds, status, ping) in expected {
            account.wait(seconds - passed).await;
            passed = *seconds;
            let seen = (account.statuses(&command).await, account.pings().await);
            assert_eq!(
                seen,
                (vec![(*status).to_owned()], vec![(*ping).to_owned()]),
                "{agent} {seconds}"
            );
        }
        let ran: u64 =
            account.sim.state.borrow().executions.values().flat_map(|it| it.values()).sum();
        assert_eq!(ran, runs, "{agent}");
    });
}

// A command arrives after 1.1 s and expires after 180 s.

#[test]
fn an_agent_that_is_offline_at_the_send_never_runs_the_document() {
    check(
        "\"offline\"",
        &[(2, "InProgress", "ConnectionLost"), (190, "DeliveryTimedOut", "ConnectionLost")],
        0,
    );
}

#[test]
fn an_agent_that_comes_back_runs_the_document_then() {
    let expected = [
        (2, "InProgress", "ConnectionLost"),
        (42, "InProgress", "Online"),
        (53, "Success", "Online"),
    ];
    check("\"offline\"\naway = \"40s\"", &expected, 1);
}

#[test]
fn an_agent_that_is_lost_has_run_the_document_and_does_not_say_so() {
    let expected = [
        (5, "InProgress", "Online"),
        (15, "InProgress", "ConnectionLost"),
        (190, "DeliveryTimedOut", "ConnectionLost"),
    ];
    check("\"lost\"", &expected, 1);
}

#[test]
fn a_reply_after_the_expiry_changes_nothing() {
    let expected = [
        (15, "InProgress", "Online"),
        (181, "DeliveryTimedOut", "Online"),
        (200, "DeliveryTimedOut", "Online"),
    ];
    check("\"late\"", &expected, 1);
}

#[test]
fn a_second_reply_changes_nothing() {
    check("\"duplicate\"", &[(12, "Success", "Online"), (30, "Success", "Online")], 1);
}

#[test]
fn a_reboot_takes_the_agent_away_for_a_while() {
    let expected = [
        (4, "InProgress", "Online"),
        (20, "InProgress", "ConnectionLost"),
        (37, "InProgress", "Online"),
        (42, "Success", "Online"),
    ];
    check("\"reboot\"", &expected, 1);
}

#[test]
fn output_that_is_kept_open_keeps_the_invocation_open_until_its_time_is_up() {
    let expected = [(60, "InProgress", "Online"), (122, "ExecutionTimedOut", "Online")];
    check("\"hang\"", &expected, 1);
    simulated(&world("\"hang\""), async |account: Account| {
        let command = account.send().await;
        account.wait(130).await;
        let body = json!({ "CommandId": command, "Details": true });
        let row = account.ssm("ListCommandInvocations", body).await;
        let step = &row["CommandInvocations"][0]["CommandPlugins"][0];
        assert_eq!((&step["ResponseCode"], &step["Output"]), (&json!(137), &json!("said")));
    });
}
