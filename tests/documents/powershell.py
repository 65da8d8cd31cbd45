"""The PowerShell document is parsed, and held against a list of what it may use. It is not executed."""

import base64
import re
from pathlib import Path

from document import Document, Refused

# Commands of PowerShell 3 that need no module of Windows; functions of the script itself are allowed besides.
CMDLETS = {"New-Object", "ConvertTo-Json"}
TYPES = re.compile(r"\[(System\.[A-Za-z0-9.]+|string|int|void|regex)\]")
# What hangs under an agent, needs PowerShell 4 or later, or runs a text as a program.
FORBIDDEN = re.compile(
    r"Read-Host|Invoke-|iex\b|Start-Process|Get-FileHash|\bclass\s+\w+\s*{|::new\(|\?\?|&&|\|\||Stop-Computer|Restart-|"
    r"Import-Module|Add-Type|DownloadString|\.ToLocalTime|LastWriteTime\b(?!Utc)|CreationTime\b(?!Utc)|Get-Date",
    re.I,
)


def nodes(node):
    yield node
    for it in node.children:
        yield from nodes(it)


def parse(text):
    import tree_sitter_powershell
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_powershell.language())).parse(text.encode())


def words(tree, kind):
    return {it.text.decode() for it in nodes(tree.root_node) if it.type == kind}


def check_rescues():
    """The scripts of the recipes: parsed, their commands on a list, and within what the runbook takes."""
    import tomllib

    recipe = Path(__file__).parent.parent.parent / "documents" / "rescue" / "crowdstrike.toml"
    scripts = tomllib.loads(recipe.read_text())["scripts"]
    for name, script in scripts.items():
        text = script["text"].strip("\n")
        assert text.isascii() and len(base64.b64encode(text.encode())) <= 512, name
        tree = parse(text)
        assert not tree.root_node.has_error, f"{name} does not parse"
        assert parse(text + "\nif ($a {").root_node.has_error, "a broken script parses"
        deleting = {"bad-window": {"ri"}, "all-291": {"get-childitem", "foreach"}, "report-only": set()}[name]
        strange = words(tree, "command_name") - {"gci", "Test-Path"} - deleting
        assert not strange, f"{name}: commands that are not on the list: {strange}"
        found = re.search(r"\b(exit|throw|return|break|continue)\b|\bStop\b", text, re.I)
        assert not found, f"{name}: {found.group()} is not allowed"
    return len(scripts)


def check():
    n_rescues = check_rescues()
    document = Document("Fleet-CrowdStrike291")
    script = document.fill()
    assert script.isascii(), "the script has to be ASCII"
    tree = parse(script)
    assert not tree.root_node.has_error, "it does not parse"
    # The parser would tell.
    for broken in (script.replace("function Get-Count(", "function Get-Count((", 1), script + "\nif ($a {", script + "\n'open"):
        assert parse(broken).root_node.has_error, "a broken script parses"
    own = words(tree, "function_name")
    used = words(tree, "command_name")
    strange = {it for it in used if it not in own and it not in CMDLETS}
    assert not strange, f"commands that are not on the list: {strange}"
    assert "ConvertTo-Json" in used and "Get-Class" in own, "the names of commands were not found"
    strange = set(re.findall(r"\[([A-Za-z][A-Za-z0-9.]*)\](?=::|'|\$|\()", script)) - {
        it for it in re.findall(TYPES, script)
    }
    assert not strange, f"types that are not on the list: {strange}"
    found = FORBIDDEN.search(script)
    assert not found, f"{found.group()} is not allowed"
    refused = 0
    for name in document.parameters:
        for value in ("'", "x'; exit 0; '", "$(1)", "`n", "C:\\a\\..\\b", "C:\\", "4", "report", "a\nb"):
            try:
                document.fill(**{name: value})
            except Refused:
                refused += 1
            else:
                raise AssertionError(f"{name} takes {value!r}")
    return f"parses, {len(used)} commands on the list, {refused} hostile values refused; {n_rescues} scripts of rescues parse; NOT executed"
