//! From a SendCommand that was not refused to a command that can happen.

use std::{
    collections::{BTreeMap, BinaryHeap, HashMap},
    rc::Rc,
    time::Duration,
};

use serde_json::json;

use super::{
    alarm::Watch,
    command::{Chosen, Command, Echo},
    content::Content,
    engine::plus,
    outputs::{Bucket, NotificationConfig},
    pace::Pace,
    parameters,
    send::{Request, authorize_instance},
    status::{Cancel, Status, Tally},
    targets::{self, Target},
};
use crate::sim::api::{Call, Facts};

/// The delivery timeout of a request without one.
const DEFAULT_TIMEOUT: i64 = 3600;

impl Request {
    /// What a tag matched but the caller may not reach, or the document does not run on, gets an
    /// invocation that says so; explicit ids were refused before (C10).
    pub(super) fn chosen(&self, call: &Call, content: &Content) -> Vec<Chosen> {
        let platforms = content.platforms();
        let sim = &call.sim;
        let state = call.sim.state.borrow();
        if self.targets.is_empty() {
            let instances = self.instance_ids.iter().filter_map(|it| state.instances.get(it));
            return instances.map(targets::chosen).collect();
        }
        if self.is_shut_out(call) {
            return Vec::new();
        }
        let mut res = targets::resolve(&self.targets, &state, &sim.elsewhere);
        drop(state);
        for it in &mut res {
            if authorize_instance(call, &it.instance).is_err() {
                it.refused = Some(Status::AccessDenied);
            } else if !platforms.contains(&it.platform) {
                it.refused = Some(Status::InvalidPlatform);
            }
        }
        res
    }

    /// "The user or role initiating the command doesn't have access to the targeted resource
    /// group" (user guide, monitor-commands). Which action that takes is UNVERIFIED.
    fn is_shut_out(&self, call: &Call) -> bool {
        let action = "resource-groups:ListGroupResources";
        let (region, account) = (&call.sim.region, &call.sim.account);
        let may_look = |name: &String| {
            let arn = format!("arn:aws:resource-groups:{region}:{account}:group/{name}");
            call.authorize(action, Some(&arn), &Facts::default()).is_ok()
        };
        !self.targets.iter().flat_map(Target::resource_groups).all(may_look)
    }

    pub(super) fn command(
        self,
        call: &Call,
        document: String,
        content: Rc<Content>,
        chosen: Vec<Chosen>,
    ) -> Command {
        let is_shut_out = self.is_shut_out(call);
        let sim = &call.sim;
        let requested = sim.clock.now();
        let timeout_seconds = self.timeout_seconds.unwrap_or(DEFAULT_TIMEOUT);
        let delivery = Duration::from_secs(timeout_seconds.unsigned_abs());
        let execution = parameters::execution_timeout(&content, &self.parameters);
        let max_concurrency = self.max_concurrency.unwrap_or_else(|| "50".to_owned());
        let max_errors = self.max_errors.unwrap_or_else(|| "0".to_owned());
        // D3, UNVERIFIED: percentages are rounded down, concurrency to at least 1.
        let limit = resolved(&max_concurrency, chosen.len()).max(1);
        Command {
            sequence: sim.state.borrow_mut().ssm.next_sequence(),
            id: command_id(&mut sim.random.borrow_mut()),
            document,
            version: self.document_version.unwrap_or_else(|| "$DEFAULT".to_owned()),
            requested,
            expires: plus(requested, delivery + execution),
            visible: plus(requested, sim.visible_after),
            max_errors: resolved(&max_errors, chosen.len()),
            pace: Pace::limited_to(limit),
            steps_timeout: parameters::steps_timeout(&content, &self.parameters),
            content,
            echo: Echo {
                comment: self.comment,
                parameters: json!(self.parameters),
                instance_ids: self.instance_ids,
                targets: self.targets.iter().map(Target::to_json).collect(),
                timeout_seconds,
                max_concurrency,
                max_errors,
                service_role: self.service_role_arn,
                bucket: self.bucket.map(|name| Bucket {
                    name,
                    prefix: self.key_prefix.clone(),
                    region: sim.region.clone(),
                }),
                key_prefix: self.key_prefix,
                notifications: NotificationConfig::to_json(self.notification_config.as_ref()),
                log_group: self.cloud_watch_output_config.cloud_watch_log_group_name,
                log_enabled: self.cloud_watch_output_config.cloud_watch_output_enabled,
            },
            given: self.parameters,
            chosen,
            resolved: false,
            invocations: Vec::new(),
            by_instance: HashMap::new(),
            tally: Tally::default(),
            cancel: Cancel::None,
            alarm: Watch::new(self.alarm_configuration),
            is_shut_out,
            queue: BinaryHeap::new(),
            next_unsent: 0,
            pushed: 0,
            starts: Vec::new(),
            wake: Rc::default(),
            scripts: BTreeMap::new(),
        }
    }
}

/// A number, or a percentage of the targets.
pub(super) fn resolved(limit: &str, n: usize) -> usize {
    match limit.strip_suffix('%') {
        Some(percent) => n * percent.parse::<usize>().unwrap_or(0) / 100,
        None => limit.parse().unwrap_or(0),
    }
}

/// A version 4 UUID out of the world's own randomness.
fn command_id(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..) & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let [a, b, c, d, e] = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    format!("{a}-{b}-{c}-{d}-{e}")
}
