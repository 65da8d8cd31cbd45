//! The constraints of every operation, as botocore's service model 2014-11-06 states them.
//! Data only: `validate` reads it.

use super::validate::{
    Member::{self, Optional, Required},
    Shape::{Flag, Integer, List, Map, Structure, Text as Str},
    Text,
};

const ANY: Text = Text { min: 0, max: usize::MAX, pattern: "", one_of: &[] };
const INSTANCE_ID: Text = Text { pattern: r"(^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)", ..ANY };
const COMMAND_ID: Text = Text { min: 36, max: 36, ..ANY };
const DOCUMENT_ARN: Text = Text { pattern: r"^[a-zA-Z0-9_\-.:/]{3,128}$", ..ANY };
const DOCUMENT_NAME: Text = Text { pattern: r"^[a-zA-Z0-9_\-.]{3,128}$", ..ANY };
const DOCUMENT_VERSION: Text = Text { pattern: "([$]LATEST|[$]DEFAULT|^[1-9][0-9]*$)", ..ANY };
const VERSION_NAME: Text = Text { pattern: r"^[a-zA-Z0-9_\-.]{1,128}$", ..ANY };
const FORMAT: Text = Text { one_of: &["YAML", "JSON", "TEXT"], ..ANY };
const TARGET_TYPE: Text = Text { max: 200, pattern: r"^\/[\w\.\-\:\/]*$", ..ANY };
const DISPLAY_NAME: Text = Text { max: 1024, pattern: r"^[\w\.\-\:\/ ]*$", ..ANY };
const TAG: Text = Text { pattern: r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", ..ANY };

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
    Optional("Parameters", Map(&List { min: 0, max: usize::MAX, item: &Str(ANY) })),
    Optional("OutputS3Region", Str(Text { min: 3, max: 20, ..ANY })),
    Optional("OutputS3BucketName", Str(Text { min: 3, max: 63, ..ANY })),
    Optional("OutputS3KeyPrefix", Str(Text { max: 500, ..ANY })),
    Optional(
        "MaxConcurrency",
        Str(Text { min: 1, max: 7, pattern: "^([1-9][0-9]*|[1-9][0-9]%|[1-9]%|100%)$", ..ANY }),
    ),
    Optional(
        "MaxErrors",
        Str(Text { min: 1, max: 7, pattern: "^([1-9][0-9]*|[0]|[1-9][0-9]%|[0-9]%|100%)$", ..ANY }),
    ),
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
    Optional(
        "AlarmConfiguration",
        Structure(&[
            Optional("IgnorePollAlarmFailure", Flag),
            Required(
                "Alarms",
                List {
                    min: 1,
                    max: 1,
                    // The model's pattern `^(?!\s*$).+` says: not blank.
                    item: &Structure(&[Required(
                        "Name",
                        Str(Text { min: 1, max: 255, pattern: r".*\S.*", ..ANY }),
                    )]),
                },
            ),
        ]),
    ),
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

const FILTER_VALUES: super::validate::Shape =
    List { min: 1, max: 100, item: &Str(Text { min: 1, ..ANY }) };

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

pub(super) const DESCRIBE_DOCUMENT: &[Member] = &[
    Required("Name", Str(DOCUMENT_ARN)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional("VersionName", Str(VERSION_NAME)),
];

pub(super) const GET_DOCUMENT: &[Member] = &[
    Required("Name", Str(DOCUMENT_ARN)),
    Optional("VersionName", Str(VERSION_NAME)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional("DocumentFormat", Str(FORMAT)),
];

pub(super) const LIST_DOCUMENTS: &[Member] = &[
    Optional(
        "DocumentFilterList",
        List {
            min: 1,
            max: usize::MAX,
            item: &Structure(&[
                Required(
                    "key",
                    Str(Text {
                        one_of: &["Name", "Owner", "PlatformTypes", "DocumentType"],
                        ..ANY
                    }),
                ),
                Required("value", Str(Text { min: 1, ..ANY })),
            ]),
        },
    ),
    Optional(
        "Filters",
        List {
            min: 0,
            max: 6,
            item: &Structure(&[
                Optional("Key", Str(Text { min: 1, max: 128, ..ANY })),
                Optional(
                    "Values",
                    List { min: 0, max: usize::MAX, item: &Str(Text { min: 1, max: 256, ..ANY }) },
                ),
            ]),
        },
    ),
    Optional("MaxResults", Integer { min: 1, max: 50 }),
    Optional("NextToken", Str(ANY)),
];

pub(super) const CREATE_DOCUMENT: &[Member] = &[
    Required("Content", Str(Text { min: 1, ..ANY })),
    Required("Name", Str(DOCUMENT_NAME)),
    Optional("DisplayName", Str(DISPLAY_NAME)),
    Optional("VersionName", Str(VERSION_NAME)),
    Optional(
        "DocumentType",
        Str(Text {
            one_of: &[
                "Command",
                "Policy",
                "Automation",
                "Session",
                "Package",
                "ApplicationConfiguration",
                "ApplicationConfigurationSchema",
                "DeploymentStrategy",
                "ChangeCalendar",
                "Automation.ChangeTemplate",
                "ProblemAnalysis",
                "ProblemAnalysisTemplate",
                "CloudFormation",
                "ConformancePackTemplate",
                "QuickSetup",
                "ManualApprovalPolicy",
                "AutoApprovalPolicy",
            ],
            ..ANY
        }),
    ),
    Optional("DocumentFormat", Str(FORMAT)),
    Optional("TargetType", Str(TARGET_TYPE)),
    Optional(
        "Tags",
        List {
            min: 0,
            max: 1000,
            item: &Structure(&[
                Required("Key", Str(Text { min: 1, max: 128, ..TAG })),
                Required("Value", Str(Text { max: 256, ..TAG })),
            ]),
        },
    ),
];

pub(super) const UPDATE_DOCUMENT: &[Member] = &[
    Required("Content", Str(Text { min: 1, ..ANY })),
    Required("Name", Str(DOCUMENT_NAME)),
    Optional("DisplayName", Str(DISPLAY_NAME)),
    Optional("VersionName", Str(VERSION_NAME)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional("DocumentFormat", Str(FORMAT)),
    Optional("TargetType", Str(TARGET_TYPE)),
];

pub(super) const UPDATE_DOCUMENT_DEFAULT_VERSION: &[Member] = &[
    Required("Name", Str(DOCUMENT_NAME)),
    Required("DocumentVersion", Str(Text { pattern: "(^[1-9][0-9]*$)", ..ANY })),
];

pub(super) const DELETE_DOCUMENT: &[Member] = &[
    Required("Name", Str(DOCUMENT_NAME)),
    Optional("DocumentVersion", Str(DOCUMENT_VERSION)),
    Optional("VersionName", Str(VERSION_NAME)),
    Optional("Force", Flag),
];
