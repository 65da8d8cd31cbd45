//! The constraints of the operations on commands and nodes, as botocore's service model 2014-11-06
//! states them.
//! Data only: `validate` reads it.

use super::{
    text::{NOT_BLANK, Text},
    validate::{
        Member::{self, Absent, Optional, Required},
        Shape::{self, Flag, Integer, List, Map, Structure, Text as Str},
    },
};

pub(super) const ANY: Text = Text { min: 0, max: usize::MAX, pattern: "", one_of: &[] };
const INSTANCE_ID: Text = Text { pattern: r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)", ..ANY };
const COMMAND_ID: Text = Text { min: 36, max: 36, ..ANY };
pub(super) const DOCUMENT_ARN: Text = Text { pattern: r"^[a-zA-Z0-9_\-.:/]{3,128}$", ..ANY };
pub(super) const DOCUMENT_VERSION: Text =
    Text { pattern: "([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)", ..ANY };

pub(super) const MAX_CONCURRENCY: Text =
    Text { min: 1, max: 7, pattern: "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$", ..ANY };
pub(super) const MAX_ERRORS: Text =
    Text { min: 1, max: 7, pattern: "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$", ..ANY };
const ALARM_CONFIGURATION: Shape = Structure(&[
    Optional("IgnorePollAlarmFailure", Flag),
    Required(
        "Alarms",
        List {
            min: 1,
            max: 1,
            item: &Structure(&[Required(
                "Name",
                Str(Text { min: 1, max: 255, pattern: NOT_BLANK, ..ANY }),
            )]),
        },
    ),
]);

pub(super) const SEND_COMMAND: &[Member] = &[
    Optional("InstanceIds", List { min: 0, max: 50, item: &Str(INSTANCE_ID) }),
    Optional(
        "Targets",
        List {
            min: 0,
            max: 5,
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
    Required("DocumentName", Str(DOCUMENT_ARN)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional("DocumentHash", Str(Text { max: 256, ..ANY })),
    Optional("DocumentHashType", Str(Text { one_of: &["Sha256", "Sha1"], ..ANY })),
    Optional("TimeoutSeconds", Integer { min: 30, max: 2_592_000 }),
    Optional("Comment", Str(Text { max: 100, ..ANY })),
    Optional(
        "Parameters",
        Map {
            min: 0,
            max: usize::MAX,
            key: ANY,
            item: &List { min: 0, max: usize::MAX, item: &Str(ANY) },
        },
    ),
    Optional("OutputS3Region", Str(Text { min: 3, max: 20, ..ANY })),
    Optional("OutputS3BucketName", Str(Text { min: 3, max: 63, ..ANY })),
    Optional("OutputS3KeyPrefix", Str(Text { max: 500, ..ANY })),
    Optional("MaxConcurrency", Str(MAX_CONCURRENCY)),
    Optional("MaxErrors", Str(MAX_ERRORS)),
    Optional("ServiceRoleArn", Str(ANY)),
    Optional(
        "NotificationConfig",
        Structure(&[
            Optional("NotificationArn", Str(ANY)),
            Optional(
                "NotificationEvents",
                List {
                    min: 0,
                    max: usize::MAX,
                    item: &Str(Text {
                        one_of: &[
                            "All",
                            "InProgress",
                            "Success",
                            "TimedOut",
                            "Cancelled",
                            "Failed",
                        ],
                        ..ANY
                    }),
                },
            ),
            Optional("NotificationType", Str(Text { one_of: &["Command", "Invocation"], ..ANY })),
        ]),
    ),
    Optional(
        "CloudWatchOutputConfig",
        Structure(&[
            Optional("CloudWatchLogGroupName", Str(Text { min: 1, max: 512, ..ANY })),
            Optional("CloudWatchOutputEnabled", Flag),
        ]),
    ),
    Optional("AlarmConfiguration", ALARM_CONFIGURATION),
];

pub(super) const CANCEL_COMMAND: &[Member] = &[
    Required("CommandId", Str(COMMAND_ID)),
    Optional("InstanceIds", List { min: 0, max: 50, item: &Str(INSTANCE_ID) }),
];

/// ListCommands and ListCommandInvocations.
pub(super) const LIST_COMMANDS: &[Member] = &[
    Optional("CommandId", Str(COMMAND_ID)),
    Optional("InstanceId", Str(INSTANCE_ID)),
    Optional("MaxResults", Integer { min: 1, max: 50 }),
    Optional("NextToken", Str(ANY)),
    Optional(
        "Filters",
        List {
            min: 1,
            max: 5,
            item: &Structure(&[
                Required(
                    "key",
                    Str(Text {
                        one_of: &[
                            "InvokedAfter",
                            "InvokedBefore",
                            "Status",
                            "ExecutionStage",
                            "DocumentName",
                        ],
                        ..ANY
                    }),
                ),
                Required("value", Str(Text { min: 1, max: 128, ..ANY })),
            ]),
        },
    ),
    Optional("Details", Flag),
];

pub(super) const GET_COMMAND_INVOCATION: &[Member] = &[
    Required("CommandId", Str(COMMAND_ID)),
    Required("InstanceId", Str(INSTANCE_ID)),
    Optional("PluginName", Str(Text { min: 4, ..ANY })),
];

const FILTER_VALUES: Shape = List { min: 1, max: 100, item: &Str(Text { min: 1, ..ANY }) };

pub(super) const DESCRIBE_INSTANCE_PROPERTIES: &[Member] = &[
    Absent("InstancePropertyFilterList"),
    Absent("FiltersWithOperator"),
    Optional("MaxResults", Integer { min: 5, max: 1000 }),
    Optional("NextToken", Str(ANY)),
];

pub(super) const DESCRIBE_INSTANCE_INFORMATION: &[Member] = &[
    Optional(
        "InstanceInformationFilterList",
        List {
            min: 0,
            max: usize::MAX,
            item: &Structure(&[
                Required(
                    "key",
                    Str(Text {
                        one_of: &[
                            "InstanceIds",
                            "AgentVersion",
                            "PingStatus",
                            "PlatformTypes",
                            "ActivationIds",
                            "IamRole",
                            "ResourceType",
                            "AssociationStatus",
                        ],
                        ..ANY
                    }),
                ),
                Required("valueSet", FILTER_VALUES),
            ]),
        },
    ),
    Optional(
        "Filters",
        List {
            min: 0,
            max: usize::MAX,
            item: &Structure(&[
                Required("Key", Str(Text { min: 1, ..ANY })),
                Required("Values", FILTER_VALUES),
            ]),
        },
    ),
    Optional("MaxResults", Integer { min: 5, max: 50 }),
    Optional("NextToken", Str(ANY)),
];
