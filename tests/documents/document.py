"""A document as the agent sees it: the script that is run here is the one in the YAML file."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "documents"


class Refused(Exception):
    """A value that the service, or the agent, would not take."""


class Document:
    def __init__(self, name):
        import yaml  # PyYAML: a reader that shares nothing with fleet's own.

        self.name, self.path = name, FOLDER / f"{name}.yaml"
        self.text = self.path.read_text()
        self.content = yaml.safe_load(self.text)
        self.parameters = self.content["parameters"]
        (step,) = self.content["mainSteps"]
        (self.script,) = step["inputs"]["runCommand"]
        self.step = step

    def fill(self, **values):
        """The script with its parameters, each checked against its pattern as the service does."""
        for name in values:
            if name not in self.parameters:
                raise Refused(f"{self.name} has no parameter {name}")
        script = self.script
        for name, it in self.parameters.items():
            value = str(values.get(name, it["default"]))
            if not re.fullmatch(it["allowedPattern"], value):
                raise Refused(f"{name}: {value!r}")
            script = self.replace(script, name, value)
        return script + "\n"

    def force(self, **values):
        """The script with values that nobody checked."""
        script = self.script
        for name, it in self.parameters.items():
            script = self.replace(script, name, str(values.get(name, it["default"])))
        return script + "\n"

    @staticmethod
    def replace(script, name, value):
        # Only the embedded substitution of the agent turns `$$` into `$`.
        return re.sub(r"{{ *%s *}}" % name, lambda _: value, script).replace("$$", "$")
