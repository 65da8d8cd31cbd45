//! The constraints of the operations on documents, as botocore's service model 2014-11-06 states
//! them. Data only: `validate` reads it.

use super::{
    shapes::{ANY, DOCUMENT_ARN, DOCUMENT_VERSION},
    text::Text,
    validate::{
        Member::{self, Absent, Optional, Required},
        Shape::{self, Flag, Integer, List, Structure, Text as Str},
    },
};

const DOCUMENT_NAME: Text = Text { pattern: r"^[a-zA-Z0-9_\-.]{3,128}$", ..ANY };
const VERSION_NAME: Text = Text { pattern: r"^[a-zA-Z0-9_\-.]{1,128}$", ..ANY };
const FORMAT: Text = Text { one_of: &["YAML", "JSON", "TEXT"], ..ANY };
const TARGET_TYPE: Text = Text { max: 200, pattern: r"^\/[\w\.\-\:\/]*$", ..ANY };
const DISPLAY_NAME: Text = Text { max: 1024, pattern: r"^[\w\.\-\:\/ ]*$", ..ANY };
const TAG: Text = Text { pattern: r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", ..ANY };

pub(super) const TAG_MEMBERS: &[Member] = &[
    Required("Key", Str(Text { min: 1, max: 128, ..TAG })),
    Required("Value", Str(Text { max: 256, ..TAG })),
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
    Absent("Requires"),
    Absent("Attachments"),
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
    Optional("Tags", List { min: 0, max: 1000, item: &Structure(TAG_MEMBERS) }),
];

pub(super) const UPDATE_DOCUMENT: &[Member] = &[
    Required("Content", Str(Text { min: 1, ..ANY })),
    Absent("Attachments"),
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

pub(super) const LIST_DOCUMENT_VERSIONS: &[Member] = &[
    Required("Name", Str(DOCUMENT_ARN)),
    Optional("MaxResults", Integer { min: 1, max: 50 }),
    Optional("NextToken", Str(ANY)),
];

const PERMISSION_TYPE: Text = Text { one_of: &["Share"], ..ANY };
const ACCOUNT_IDS: Shape =
    List { min: 0, max: 20, item: &Str(Text { pattern: "(?i)all|[0-9]{12}", ..ANY }) };

pub(super) const DESCRIBE_DOCUMENT_PERMISSION: &[Member] = &[
    Required("Name", Str(DOCUMENT_NAME)),
    Required("PermissionType", Str(PERMISSION_TYPE)),
    Optional("MaxResults", Integer { min: 1, max: 200 }),
    Optional("NextToken", Str(ANY)),
];

pub(super) const MODIFY_DOCUMENT_PERMISSION: &[Member] = &[
    Required("Name", Str(DOCUMENT_NAME)),
    Required("PermissionType", Str(PERMISSION_TYPE)),
    Optional("AccountIdsToAdd", ACCOUNT_IDS),
    Optional("AccountIdsToRemove", ACCOUNT_IDS),
    Optional(
        "SharedDocumentVersion",
        Str(Text { max: 8, pattern: "([$]LATEST|[$]DEFAULT|[$]ALL)", ..ANY }),
    ),
];

const TAGGABLE: Text = Text {
    one_of: &[
        "Document",
        "ManagedInstance",
        "MaintenanceWindow",
        "Parameter",
        "PatchBaseline",
        "OpsItem",
        "OpsMetadata",
        "Automation",
        "Association",
        "CloudConnector",
    ],
    ..ANY
};

pub(super) const LIST_TAGS: &[Member] =
    &[Required("ResourceType", Str(TAGGABLE)), Required("ResourceId", Str(ANY))];

pub(super) const ADD_TAGS: &[Member] = &[
    Required("ResourceType", Str(TAGGABLE)),
    Required("ResourceId", Str(ANY)),
    Required("Tags", List { min: 0, max: 1000, item: &Structure(TAG_MEMBERS) }),
];

pub(super) const REMOVE_TAGS: &[Member] = &[
    Required("ResourceType", Str(TAGGABLE)),
    Required("ResourceId", Str(ANY)),
    Required(
        "TagKeys",
        List { min: 0, max: usize::MAX, item: &Str(Text { min: 1, max: 128, ..TAG }) },
    ),
];
