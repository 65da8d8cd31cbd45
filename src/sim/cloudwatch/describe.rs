//! DescribeAlarms: the alarms that the world declares, which are metric alarms without a metric.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::{
    api::{ApiError, Call, Facts},
    elsewhere::AlarmState,
    page,
    text::Text,
    validate::{
        Checked,
        Member::{self, Optional},
        Shape::{Integer, List, Text as Str},
        invalid,
    },
};

const ANY: Text = Text { min: 0, max: usize::MAX, pattern: "", one_of: &[] };
const NAME: Text = Text { min: 1, max: 255, ..ANY };

/// As botocore's service model 2010-08-01 states it.
const DESCRIBE_ALARMS: &[Member] = &[
    Optional("AlarmNames", List { min: 0, max: 100, item: &Str(NAME) }),
    Optional("AlarmNamePrefix", Str(NAME)),
    Optional(
        "AlarmTypes",
        List {
            min: 0,
            max: usize::MAX,
            item: &Str(Text { one_of: &["CompositeAlarm", "MetricAlarm", "LogAlarm"], ..ANY }),
        },
    ),
    Optional("ChildrenOfAlarmName", Str(NAME)),
    Optional("ParentsOfAlarmName", Str(NAME)),
    Optional("StateValue", Str(Text { one_of: &["OK", "ALARM", "INSUFFICIENT_DATA"], ..ANY })),
    Optional("ActionPrefix", Str(Text { min: 1, max: 1024, ..ANY })),
    Optional("MaxRecords", Integer { min: 1, max: 100 }),
    Optional("NextToken", Str(ANY)),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    #[serde(default)]
    alarm_names: Vec<String>,
    alarm_name_prefix: Option<String>,
    #[serde(default)]
    alarm_types: Vec<String>,
    children_of_alarm_name: Option<String>,
    parents_of_alarm_name: Option<String>,
    state_value: Option<String>,
    action_prefix: Option<String>,
    max_records: Option<usize>,
    next_token: Option<String>,
}

/// UNVERIFIED: the model has the greatest page alone.
const DEFAULT_PAGE: usize = 50;

pub(super) fn describe_alarms(call: &Call, body: &Value) -> Result<Value, ApiError> {
    let checked = Checked::of(DESCRIBE_ALARMS, body);
    authorize(call, &checked.list("AlarmNames"), &checked.list("AlarmTypes"))?;
    let request: Request = checked.request()?;
    request.check()?;
    let list = page::list("DescribeAlarms", body);
    let start = page::place(&list, request.next_token.as_deref())?;
    let state = call.sim.state.borrow();
    let found = state.alarms.iter().filter(|(name, (it, _))| request.means(name, *it));
    // Names that do not exist are left out (aws-facts §5.5).
    let rest: Vec<_> =
        found.filter(|(name, _)| start.as_ref().is_none_or(|it| *name > it)).collect();
    let size = call.pages.of(request.max_records.unwrap_or(DEFAULT_PAGE));
    let alarms: Vec<Value> =
        rest.iter().take(size).map(|(name, (state, at))| alarm(call, name, *state, *at)).collect();
    let mut res = json!({"MetricAlarms": alarms, "CompositeAlarms": []});
    if request.wants("LogAlarm") {
        res["LogAlarms"] = json!([]);
    }
    if let Some((last, _)) = rest.get(size - 1).filter(|_| rest.len() > size) {
        res["NextToken"] = page::token(&list, last).into();
    }
    Ok(res)
}

/// The resource is the alarm; composite alarms, and a list without names, need all of them ("scoped
/// to `*`", DescribeAlarms). What AWS calls the resource of such a list is UNVERIFIED.
fn authorize(call: &Call, names: &[String], types: &[String]) -> Result<(), ApiError> {
    let action = "cloudwatch:DescribeAlarms";
    let is_scoped = types.iter().all(|it| it == "MetricAlarm");
    let all = ["*".to_owned()];
    let names = if names.is_empty() || !is_scoped { &all[..] } else { names };
    for name in names {
        call.authorize(action, Some(&arn(call, name)), &Facts::default())?;
    }
    Ok(())
}

fn arn(call: &Call, name: &str) -> String {
    format!("arn:aws:cloudwatch:{}:{}:alarm:{name}", call.sim.region, call.sim.account)
}

impl Request {
    /// Which parameters exclude each other the reference says, and not in which words it is
    /// refused: UNVERIFIED.
    fn check(&self) -> Result<(), ApiError> {
        if !self.alarm_names.is_empty() && self.alarm_name_prefix.is_some() {
            return Err(invalid("AlarmNames and AlarmNamePrefix are mutually exclusive"));
        }
        let relations = [
            ("ChildrenOfAlarmName", self.children_of_alarm_name.is_some()),
            ("ParentsOfAlarmName", self.parents_of_alarm_name.is_some()),
        ];
        let n_others = usize::from(!self.alarm_names.is_empty())
            + usize::from(self.alarm_name_prefix.is_some())
            + usize::from(!self.alarm_types.is_empty())
            + usize::from(self.state_value.is_some())
            + usize::from(self.action_prefix.is_some());
        let n_relations = relations.iter().filter(|(_, is_there)| *is_there).count();
        match relations.iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) if n_others > 0 || n_relations > 1 => {
                Err(invalid(format!("{name} can only be combined with MaxRecords and NextToken")))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn wants(&self, kind: &str) -> bool {
        self.alarm_types.iter().any(|it| it == kind)
    }

    /// No alarm here has an action or a composite alarm above or below it.
    fn means(&self, name: &str, state: AlarmState) -> bool {
        let is_related =
            self.children_of_alarm_name.is_some() || self.parents_of_alarm_name.is_some();
        let is_kind = self.alarm_types.is_empty() || self.wants("MetricAlarm");
        is_kind
            && !is_related
            && self.action_prefix.is_none()
            && (self.alarm_names.is_empty() || self.alarm_names.iter().any(|it| it == name))
            && self.alarm_name_prefix.as_ref().is_none_or(|it| name.starts_with(it))
            && self.state_value.as_ref().is_none_or(|it| it == state.word())
    }
}

fn alarm(call: &Call, name: &str, state: AlarmState, at: Timestamp) -> Value {
    let at = seconds(at);
    json!({
        "AlarmName": name,
        "AlarmArn": arn(call, name),
        "AlarmConfigurationUpdatedTimestamp": seconds(call.sim.clock.epoch()),
        "ActionsEnabled": true,
        "OKActions": [],
        "AlarmActions": [],
        "InsufficientDataActions": [],
        "StateValue": state.word(),
        "StateReason": "It is as the world of the simulator has it.",
        "StateUpdatedTimestamp": at,
        "StateTransitionedTimestamp": at,
        "Dimensions": [],
    })
}

/// Returns an instant as the JSON protocol has it, to the millisecond.
fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1e3
}
