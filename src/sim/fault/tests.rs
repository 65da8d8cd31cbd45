//! Which calls a fault hits.

use super::*;

const START: Timestamp = Timestamp::UNIX_EPOCH;

fn fault(when: When) -> Fault {
    Fault {
        operation: "SendCommand".to_owned(),
        when,
        kind: FaultKind::Throttle,
        delay: Duration::ZERO,
        age: Duration::ZERO,
    }
}

fn faults(when: When) -> Faults {
    Faults::new(&[fault(when)], 1)
}

#[test]
fn a_fault_by_call_hits_that_call_of_that_operation_only() {
    let faults = faults(When::Calls([2].into()));
    let hits = |operation| [(); 3].map(|()| faults.strike(operation, START).is_some()).to_vec();
    assert_eq!(hits("ListCommands"), [false; 3]);
    assert_eq!(hits("SendCommand"), [false, true, false]);
}

#[test]
fn a_fault_that_is_ordered_later_counts_from_then_on() {
    let faults = faults(When::Calls([9].into()));
    assert!(faults.strike("SendCommand", START).is_none());
    faults.order(&[Fault { operation: "*".to_owned(), ..fault(When::Calls([1].into())) }]);
    assert!(faults.strike("ListCommands", START).is_some());
    assert_eq!(faults.list().len(), 2);
    faults.clear();
    assert_eq!(faults.list().len(), 0);
}

#[test]
fn a_fault_by_rate_is_the_same_from_run_to_run() {
    let draw = || {
        let faults = faults(When::Rate(0.3));
        (1..=1000).map(|_| faults.strike("SendCommand", START).is_some()).collect::<Vec<_>>()
    };
    let hits = draw().iter().filter(|it| **it).count();
    assert!((250..350).contains(&hits), "{hits} of 1000");
    assert_eq!(draw(), draw());
}

#[test]
fn a_rate_of_one_hits_every_call_and_of_zero_none() {
    let always = faults(When::Rate(1.0));
    assert!((1..=100).all(|_| always.strike("SendCommand", START).is_some()));
    let never = faults(When::Rate(0.0));
    assert!((1..=100).all(|_| never.strike("SendCommand", START).is_none()));
}

#[test]
fn calls_beyond_so_many_in_a_second_are_hit_until_time_passes() {
    let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
    for (per_second, times, expected) in [
        (2.0, [0, 0, 0, 500, 500, 10_000], [false, false, true, false, true, false]),
        // Fewer than one in a second: the bucket holds one.
        (0.5, [0, 0, 1000, 2000, 2000, 9000], [false, true, true, false, true, false]),
    ] {
        let faults = faults(When::Beyond(per_second));
        let hits = times.map(|it| faults.strike("SendCommand", at(it)).is_some());
        assert_eq!(hits, expected, "{per_second}");
    }
}
