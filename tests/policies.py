"""Holds the templates of `fleet policy` against cfn-lint and python-hcl2, and against its own IAM
policy: all formats must grant the same.

Arguments: the program, and a directory for its output.
"""

import json
import os
import subprocess
import sys

import hcl2
import yaml

ACCOUNT, REGION = "123456789012", "eu-west-1"
DOCUMENT = """
schemaVersion: "2.2"
description: 'Restart: "web", ${not} %{a} template'
parameters:
  unit: {type: String, default: web, allowedPattern: "^[a-z]+$"}
mainSteps:
  - action: aws:runShellScript
    name: run
    inputs: {runCommand: ["systemctl restart {{ unit }}", "grep -P 'a\\\\b' /dev/null || true"]}
"""
SELECTIONS = [
    ["--asg", "web"],
    ["--asg", "web", "--asg", 'b"c\\d ${aws:username} %{if} # /*'],
    ["--tag", "role=web", "--tag", "stage=${x}"],
    ["--instance", "i-01234567", "--instance", "mi-0123456789abcdef0"],
    ["--asg", "web", "--waves", "1,10%", "--by-zone"],
]
DOCUMENTS = [
    "Restart",
    "AWS-RunShellScript",
    "arn:aws:ssm:eu-west-1:210987654321:document/Theirs",
    "Fleet-CheckSshd",
]


class Template(yaml.SafeLoader):
    """A template whose functions are written out, as they would be in the account above."""


def written_out(loader, suffix, node):
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix != "Sub":
        return {suffix: value}
    for name, it in [("Partition", "aws"), ("Region", REGION), ("AccountId", ACCOUNT)]:
        value = value.replace("${AWS::%s}" % name, it)
    return value


Template.add_multi_constructor("!", written_out)


def listed(value):
    return value if isinstance(value, list) else [value]


def normal(statement):
    """A statement with lists everywhere, so that it can be compared."""
    conditions = statement.get("Condition", {})
    return {
        "Sid": statement["Sid"],
        "Effect": statement["Effect"],
        "Action": listed(statement["Action"]),
        "Resource": listed(statement["Resource"]),
        "Condition": {
            operator: {key: listed(values) for key, values in keys.items()}
            for operator, keys in conditions.items()
        },
    }


def text(value):
    """A string as python-hcl2 keeps it: in quotes, with its escapes."""
    return json.loads(value).replace("$${", "${").replace("%%{", "%{")


def of_terraform(path):
    with open(path) as file:
        parsed = hcl2.load(file)
    blocks = [it['"aws_iam_policy_document"'] for it in parsed["data"]]
    (policy,) = [it['"fleet"'] for it in blocks if '"fleet"' in it]
    for it in policy["statement"]:
        condition = {}
        for part in it.get("condition", []):
            keys = condition.setdefault(text(part["test"]), {})
            keys[text(part["variable"])] = [text(value) for value in part["values"]]
        yield {
            "Sid": text(it["sid"]),
            "Effect": text(it["effect"]),
            "Action": [text(value) for value in it["actions"]],
            "Resource": [text(value) for value in it["resources"]],
            "Condition": condition,
        }


def content_of_terraform(path):
    with open(path) as file:
        parsed = hcl2.load(file)
    blocks = [it['"aws_ssm_document"'] for it in parsed["resource"] if '"aws_ssm_document"' in it]
    (document,) = [it['"fleet"'] for it in blocks]
    return text(document["content"])


def main(program, work):
    shipped = os.path.join(os.path.dirname(__file__), "..", "documents", "Fleet-CheckSshd.yaml")
    document = os.path.join(work, "restart.yaml")
    with open(document, "w") as file:
        file.write(DOCUMENT)
    templates, n_compared = [], 0
    env = {"PATH": os.environ["PATH"], "HOME": work, "AWS_EC2_METADATA_DISABLED": "true"}
    for selection in SELECTIONS:
        for name in DOCUMENTS:
            full = ["--level", "full", "--with-user", "--source-identity", "kim"]
            for extra in [["--level", "minimal"], full]:
                flags = ["--account", ACCOUNT, "--region", REGION, "--doc", name, *selection]

                def fleet(*more):
                    call = [program, "policy", "--quiet", *flags, *more]
                    done = subprocess.run(call, env=env, capture_output=True, text=True)
                    assert done.returncode == 0, (call, done.stderr)
                    return done.stdout

                iam = json.loads(fleet(*extra[:2]))["Statement"]
                iam = [normal(it) for it in iam]
                own = ["--doc-file", document] if name == "Restart" else []
                deployed = {"Restart": document, "Fleet-CheckSshd": shipped}.get(name)
                path = os.path.join(work, f"template-{len(templates)}")
                for format, ending in [("cloudformation", "yaml"), ("terraform", "tf")]:
                    with open(f"{path}.{ending}", "w") as file:
                        file.write(fleet("--format", format, *extra, *own))
                templates.append(f"{path}.yaml")
                with open(f"{path}.yaml") as file:
                    written = file.read().replace("${Document}", name)
                template = yaml.load(written, Template)
                resources = template["Resources"]
                (policy,) = resources["Role"]["Properties"]["Policies"]
                found = [normal(it) for it in policy["PolicyDocument"]["Statement"]]
                assert found == iam, (selection, name, found, iam)
                found = list(of_terraform(f"{path}.tf"))
                assert found == iam, (selection, name, found, iam)
                trust = resources["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
                trusted = {it["Action"] for it in trust}
                passed = {"sts:SetSourceIdentity"} if extra is full else set()
                assert trusted == {"sts:AssumeRole", "sts:TagSession"} | passed, trusted
                assert ("Document" in resources) == bool(deployed), (name, resources)
                if deployed:
                    with open(deployed) as file:
                        content = file.read()
                    properties = resources["Document"]["Properties"]
                    assert properties["Content"] == content, properties["Content"]
                    assert properties["DocumentFormat"] == "YAML", properties
                    assert content_of_terraform(f"{path}.tf") == content
                n_compared += 1
    path = os.path.join(work, "rescue.yaml")
    with open(path, "w") as file:
        call = [program, "rescue", "prepare", "--quiet"]
        file.write(subprocess.run(call, env=env, capture_output=True, text=True, check=True).stdout)
    templates.append(path)
    cfn_lint = os.path.join(os.path.dirname(sys.executable), "cfn-lint")
    subprocess.run([cfn_lint, "--regions", REGION, "--template", *templates], check=True)
    print(f"{n_compared} policies are the same in every format; cfn-lint has nothing to say")


main(*sys.argv[1:])
