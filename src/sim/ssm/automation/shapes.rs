//! The constraints of the operations of Automation, as botocore's service model 2014-11-06 states
//! them. Data only: `validate` reads it.

use crate::sim::ssm::{
    document_shapes::TAG_MEMBERS,
    shapes::{ANY, DOCUMENT_ARN, DOCUMENT_VERSION, MAX_CONCURRENCY, MAX_ERRORS},
    text::Text,
    validate::{
        Member::{self, Absent, Optional, Required},
        Shape::{self, Flag, Integer, List, Map, Structure, Text as Str},
    },
};

const EXECUTION_ID: Text = Text { min: 36, max: 36, ..ANY };
const PARAMETER_KEY: Text = Text { min: 1, max: 50, ..ANY };
/// "Length Constraints: Maximum length of 512." botocore does not enforce it, and that the service
/// does is UNVERIFIED (D16): here it is not.
const PARAMETER_VALUE: Text = ANY;
const CLIENT_TOKEN: Text = Text {
    min: 36,
    max: 36,
    pattern: "[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}",
    ..ANY
};
const FILTER_VALUES: Shape = List { min: 1, max: 10, item: &Str(Text { min: 1, max: 150, ..ANY }) };

pub(super) const START: &[Member] = &[
    Required("DocumentName", Str(DOCUMENT_ARN)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional(
        "Parameters",
        Map {
            min: 1,
            max: 200,
            key: PARAMETER_KEY,
            item: &List { min: 0, max: 50, item: &Str(PARAMETER_VALUE) },
        },
    ),
    Optional("ClientToken", Str(CLIENT_TOKEN)),
    Optional("Mode", Str(Text { one_of: &["Auto", "Interactive"], ..ANY })),
    Optional("TargetParameterName", Str(PARAMETER_KEY)),
    Optional(
        "Targets",
        List {
            min: 0,
            // The model has 1; more than that the service refuses in its own words.
            max: usize::MAX,
            item: &Structure(&[
                Optional(
                    "Key",
                    Str(Text {
                        min: 1,
                        max: 163,
                        pattern: r"^[\p{L}\p{Z}\p{N}_.:/=\-@]*$|resource-groups:ResourceTypeFilters|resource-groups:Name",
                        ..ANY
                    }),
                ),
                Optional("Values", List { min: 0, max: 50, item: &Str(ANY) }),
            ]),
        },
    ),
    Optional(
        "TargetMaps",
        List {
            min: 0,
            max: 300,
            item: &Map {
                min: 1,
                max: 20,
                key: PARAMETER_KEY,
                item: &List { min: 0, max: 25, item: &Str(Text { min: 1, max: 50, ..ANY }) },
            },
        },
    ),
    Optional("MaxConcurrency", Str(MAX_CONCURRENCY)),
    Optional("MaxErrors", Str(MAX_ERRORS)),
    Optional("Tags", List { min: 0, max: 1000, item: &Structure(TAG_MEMBERS) }),
    Absent("AlarmConfiguration"),
    Absent("TargetLocations"),
    Absent("TargetLocationsURL"),
];

pub(super) const GET: &[Member] = &[Required("AutomationExecutionId", Str(EXECUTION_ID))];

pub(super) const STOP: &[Member] = &[
    Required("AutomationExecutionId", Str(EXECUTION_ID)),
    Optional("Type", Str(Text { one_of: &["Complete", "Cancel"], ..ANY })),
];

/// The keys are the operation's own to refuse: InvalidFilterKey.
pub(super) const DESCRIBE: &[Member] = &[
    Optional(
        "Filters",
        List {
            min: 1,
            max: 10,
            item: &Structure(&[Required("Key", Str(ANY)), Required("Values", FILTER_VALUES)]),
        },
    ),
    Optional("MaxResults", Integer { min: 1, max: 50 }),
    Optional("NextToken", Str(ANY)),
];

pub(super) const DESCRIBE_STEPS: &[Member] = &[
    Required("AutomationExecutionId", Str(EXECUTION_ID)),
    Optional(
        "Filters",
        List {
            min: 1,
            max: 6,
            item: &Structure(&[Required("Key", Str(ANY)), Required("Values", FILTER_VALUES)]),
        },
    ),
    Optional("MaxResults", Integer { min: 1, max: 50 }),
    Optional("NextToken", Str(ANY)),
    Optional("ReverseOrder", Flag),
];
