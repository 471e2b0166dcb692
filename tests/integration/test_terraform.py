"""Terraform without network: format, validity, and each environment's plan beside the manifest and the code."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.manifest import Manifest, read_manifest
from shared.settings import Settings
from tests.terraform import pipeline
from tests.terraform.expectations import Expected, problems
from tests.terraform.offline import ENVIRONMENTS, MANIFEST, Offline, TerraformFailed
from tests.terraform.plan import Plan
from tests.terraform.provider import provider_environment
from tests.terraform.schema import ROOT, TERRAFORM

MODULES = Path("terraform") / "modules"


@pytest.fixture(scope="module")
def environment() -> Iterator[Mapping[str, str]]:
    """Where Terraform finds the stand-in for its provider. Without Terraform a skip, a failure where `CI` is set."""
    if shutil.which("terraform") is None:
        reason = "terraform is not installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    with provider_environment() as variables:
        yield variables


@pytest.fixture(scope="module")
def offline(environment: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Offline:
    """A working copy that no test changes."""
    return Offline(tmp_path_factory.mktemp("terraform"), environment)


@pytest.fixture
def copy(environment: Mapping[str, str], tmp_path: Path) -> Offline:
    """A working copy of the test's own."""
    return Offline(tmp_path, environment)


def _manifest() -> Manifest:
    return read_manifest(ROOT / MANIFEST)


def _problems(offline: Offline, name: str, **variables: str) -> list[str]:
    offline.initialise(name)
    return problems(Expected(name, Plan(offline.plan(name, **variables)), _manifest()))


def test_the_code_is_formatted(offline: Offline) -> None:
    offline.check_format()


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_an_environment_is_valid_and_its_plan_is_what_manifest_and_code_ask_for(offline: Offline, name: str) -> None:
    offline.validate(name)
    assert _problems(offline, name) == []


def _pipeline_problems(offline: Offline) -> list[str]:
    offline.validate(pipeline.NAME)
    return pipeline.problems(Plan(offline.plan(pipeline.NAME)))


def test_the_pipeline_is_valid_and_its_plan_is_what_the_builds_ask_for(offline: Offline) -> None:
    assert _pipeline_problems(offline) == []


def test_every_alert_leads_to_its_runbook(offline: Offline) -> None:
    offline.initialise("dev")
    text = (ROOT / "docs" / "operate.md").read_text()
    headings = {heading.lower().replace(" ", "-") for heading in re.findall("^## (.+)", text, re.MULTILINE)}
    alerts = Plan(offline.plan("dev")).all("google_monitoring_alert_policy")
    links = {
        each["display_name"]: each["documentation"][0]["content"].rpartition("docs/operate.md#") for each in alerts
    }
    assert links
    for name, (_text, found, anchor) in links.items():
        assert found, name
        assert anchor in headings, name


def _variables(folder: Path) -> set[str]:
    return set(re.findall(r'^variable "(\w+)"', (folder / "variables.tf").read_text(), re.MULTILINE))


def test_the_pipeline_hands_on_every_variable_of_an_environment() -> None:
    text = (TERRAFORM / "pipeline" / "variables.tf").read_text()
    handed_on = set(re.findall(r"^    (\w+) += ", text, re.MULTILINE)) - {"condition", "error_message"}
    assert handed_on | {"archives_folder", "project_id", "region"} == _variables(
        TERRAFORM / "environments" / "common"
    )


def test_environments_share_all_but_their_own_file() -> None:
    common = TERRAFORM / "environments" / "common"
    for name in ENVIRONMENTS:
        folder = TERRAFORM / "environments" / name
        same = {path.name for path in folder.glob("*.tf") if path.resolve().parent == common}
        assert same == {path.name for path in common.iterdir()}
        assert {path.name for path in folder.glob("*.tf")} - same == {"main.tf"}


def _blocks(kind: str) -> Iterator[tuple[str, str]]:
    """Heading and body of every block of the kind, such as `variable`, in all files."""
    pattern = re.compile(rf"^{kind} (.*?) \{{\n(.*?)^\}}", re.MULTILINE | re.DOTALL)
    for path in TERRAFORM.rglob("*.tf"):
        for heading, body in pattern.findall(path.read_text()):
            yield f"{path.parent.name}: {heading}", body


def test_variables_are_typed_and_all_is_described() -> None:
    for heading, body in _blocks("variable"):
        assert re.search(r"^  description = \".+", body, re.MULTILINE), heading
        assert re.search(r"^  type +=", body, re.MULTILINE), heading
    for heading, body in _blocks("output"):
        assert re.search(r"^  description = \".+", body, re.MULTILINE), heading


def test_what_people_set_is_validated() -> None:
    """The variables of the roots; modules get theirs from these."""
    for heading, body in _blocks("variable"):
        if heading.split(":")[0] in ("common", "pipeline"):
            assert "  validation {" in body, heading


@pytest.mark.parametrize(
    ("block", "value", "setting"),
    [
        ('common: "order_days"', "var.order_days", "order_days"),
        ('function: "function"', "var.function.topic.max_age_s", "message_max_age_s"),
        ('function: "function"', "var.function.topic.attempts", "message_attempts"),
    ],
)
def test_numbers_have_the_bounds_of_their_settings(block: str, value: str, setting: str) -> None:
    body, bounds = dict(_blocks("variable"))[block], Settings.__dataclass_fields__[setting].metadata
    for sign, bound in ((">=", "least"), ("<=", "most")):
        (found,) = re.findall(rf"{re.escape(value)} {sign} (\d+)", body)
        assert int(found) == bounds[bound]


def test_what_holds_data_cannot_be_destroyed() -> None:
    bodies = {heading: body for heading, body in _blocks("resource") if heading.startswith("data: ")}
    for kind in ("firestore_database", "storage_bucket", "secret_manager_secret"):
        held = [body for heading, body in bodies.items() if f'"google_{kind}"' in heading]
        assert held
        assert all("prevent_destroy = true" in body for body in held)


def test_there_is_one_provider() -> None:
    texts = [path.read_text() for path in TERRAFORM.rglob("*.tf")]
    assert {name for text in texts for name in re.findall(r'source *= *"(\w+/\w+)"', text)} == {"hashicorp/google"}
    for kind in ("resource", "data"):
        assert all('"google_' in heading for heading, _body in _blocks(kind))


def test_every_policy_that_is_skipped_says_why() -> None:
    skips = [
        (path.name, skip) for path in TERRAFORM.rglob("*.tf") for skip in re.findall("checkov:.*", path.read_text())
    ]
    assert skips
    for name, skip in skips:
        assert re.fullmatch(r"checkov:skip=CKV2?_GCP_\d+:[A-Z].{20,}\.", skip), f"{name}: {skip}"


@dataclass(frozen=True)
class Breakage:
    """`old` becomes `new` in a file of a module; the checks must then say `seen`."""

    file: str
    old: str
    new: str
    seen: str


BREAKAGES = {
    "dead letters": [
        Breakage(
            "function/topic.tf",
            "topic                      = google_pubsub_topic.dead[0].id",
            "topic                      = google_pubsub_topic.this[0].id",
            "dead letters are lost",
        ),
        Breakage("function/topic.tf", "var.function.topic.attempts", "99", "dead letter:"),
        Breakage("function/topic.tf", "roles/pubsub.subscriber", "roles/pubsub.viewer", "Pub/Sub lacks"),
        Breakage("function/topic.tf", '"600s"', '"60s"', "retry:"),
        Breakage(
            "function/alerts.tf",
            'subscription_id = \\"${google_pubsub_subscription.dead',
            'subscription_id = \\"${google_pubsub_subscription.push',
            "no alert",
        ),
        Breakage("function/alerts.tf", "60 * ceil(", "61 * ceil(", "no alert can wait for 610s"),
        Breakage("function/alerts.tf", "count = local.pushed ? 0 : 1", "count = 0", "partner-key: no alert"),
    ],
    "settings": [
        Breakage("function/function.tf", "MESSAGE_MAX_AGE_S = t", "MESSAGE_AGE = t", "MESSAGE_AGE is no setting"),
        Breakage("function/function.tf", 'ORDER_DAYS         = "90"', "", "ORDER_DAYS is the default"),
        Breakage("function/function.tf", "OIDC_AUDIENCE        = local.url", 'OIDC_AUDIENCE = "a"', "OIDC_AUDIENCE"),
        Breakage("data/bucket.tf", "var.order_days + 1", "var.order_days", "ORDER_DAYS:"),
    ],
    "a setting that is missing": [
        Breakage("function/function.tf", "PUSHER               = var.pusher\n", "", "PUSHER is not set"),
    ],
    "reach": [
        Breakage("function/function.tf", "ALLOW_INTERNAL_AND_GCLB", "ALLOW_ALL", "size and reach"),
        Breakage("function/identity.tf", '"serviceAccount:${var.pusher}"', '"allUsers"', "invokers"),
        Breakage("function/schedule.tf", "local.schedule\n", '"0 * * * *"\n', "schedules"),
        Breakage("edge/frontend.tf", '[prefix, "${prefix}/*"]', "[prefix]", "paths"),
        Breakage(
            "edge/frontend.tf", "[var.host]\n  }\n\n  lifecycle", '["example.org"]\n  }\n\n  lifecycle', "certificate"
        ),
        Breakage("service/main.tf", "python313", "python311", "entry"),
        Breakage("function/archive.tf", "var.archive.path", '"/nowhere"', "not uploaded"),
    ],
    "rights": [
        Breakage("function/rights.tf", "roles/storage.objectUser", "roles/storage.admin", "rights"),
        Breakage("function/rights.tf", "/databases/${var.database}", "", "on the whole project"),
        Breakage(
            "function/rights.tf",
            "toset(local.rights.secrets)",
            'toset(concat(local.rights.secrets, ["bnc-cpt-tesla-private-key"]))',
            "may read the private key",
        ),
    ],
    "data": [
        Breakage(
            "data/firestore.tf", '["result"], expires = true', '["result"], expires = false', "fields of documents"
        ),
        Breakage("service/main.tf", '"bnc-cpt-tesla-private-key", # read by no function', "", "secrets"),
        Breakage(
            "data/firestore.tf", 'unindexed = ["message"]', 'unindexed = ["message", "at"]', "due.at is asked for"
        ),
        Breakage(
            "data/firestore.tf",
            "  indexes = [\n",
            '  indexes = [{ collection = "due", fields = ["topic", "at"], descending = false },\n',
            "composite indexes",
        ),
    ],
    "the direction of an index": [
        Breakage("data/firestore.tf", "descending = true", "descending = false", "composite indexes"),
    ],
    "alerts": [
        Breakage("observability/alerts.tf", 'auto_close = "1800s"', 'auto_close = "86400s"', "stays open"),
        Breakage(
            "observability/alerts.tf",
            'severity  = "WARNING"\n      threshold = 0\n      filter    = "resource.type = ',
            'severity  = "WARNING"\n      threshold = 5\n      filter    = "resource.type = ',
            "a single error is not told",
        ),
    ],
    "metrics": [
        Breakage("observability/logs.tf", 'message = "request handled"', 'message = "request done"', "nothing logs"),
        Breakage(
            "observability/logs.tf", "EXTRACT(jsonPayload.ms)", "EXTRACT(jsonPayload.took)", "no record has took"
        ),
    ],
    "who may call": [
        Breakage("service/main.tf", 'join(",", var.creators)', 'join(",", var.operators)', "orders: CREATORS"),
        Breakage("service/main.tf", 'startswith(path, "/api/")', "true", "partner-key: CREATORS"),
    ],
    "an index": [
        Breakage(
            "data/firestore.tf",
            'unindexed = ["tokens"], expires = false',
            "unindexed = [], expires = false",
            "fields",
        ),
    ],
}


@pytest.mark.parametrize("breakages", BREAKAGES.values(), ids=BREAKAGES)
def test_what_is_broken_is_seen(copy: Offline, breakages: list[Breakage]) -> None:
    for each in breakages:
        _change(copy, MODULES / each.file, each.old, each.new)
    found = _problems(copy, "dev")
    for each in breakages:
        assert any(each.seen in problem for problem in found), each


PIPELINE_BREAKAGES = {
    "nobody approves": Breakage(
        "triggers.tf", "approval_required = true", "approval_required = false", "nobody has to"
    ),
    "a name is not given": Breakage("main.tf", "    _STATE_BUCKET = local.state_bucket\n", "", "given and used"),
    "planning deploys": Breakage(
        "accounts.tf", '"roles/run.viewer"', '"roles/run.admin"', "planning may change things"
    ),
    "planning reads all": Breakage("accounts.tf", '"roles/run.viewer"', '"roles/viewer"', "reads what is stored"),
    "planning writes": Breakage(
        "accounts.tf", '"datastore.indexes.list"', '"datastore.indexes.delete"', "planning may do more than look"
    ),
    "plans are exchanged": Breakage(
        "plans.tf", "roles/storage.objectCreator", "roles/storage.objectUser", "rights on plans"
    ),
}


@pytest.mark.parametrize("each", PIPELINE_BREAKAGES.values(), ids=PIPELINE_BREAKAGES)
def test_a_pipeline_that_is_broken_is_seen(copy: Offline, each: Breakage) -> None:
    _change(copy, Path("terraform") / pipeline.NAME / each.file, each.old, each.new)
    found = _pipeline_problems(copy)
    assert any(each.seen in problem for problem in found), found


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("build_image", "build:latest"),
        ("approvers", "[]"),
        ("environment", "test"),
        ("repository", "a/b"),
        ("state_bucket", "gs://a"),
    ],
)
def test_a_pipeline_variable_that_cannot_be_used_is_refused(offline: Offline, variable: str, value: str) -> None:
    offline.initialise(pipeline.NAME)
    with pytest.raises(TerraformFailed, match="Invalid value for variable"):
        offline.plan(pipeline.NAME, **{variable: value})


def test_a_misspelt_attribute_is_refused(copy: Offline) -> None:
    _change(copy, MODULES / "function" / "topic.tf", "ack_deadline_seconds", "ack_deadline_s")
    with pytest.raises(TerraformFailed, match="ack_deadline_s"):
        copy.validate("dev")


def test_code_that_is_not_formatted_is_refused(copy: Offline) -> None:
    _change(copy, MODULES / "edge" / "outputs.tf", "  value       =", " value =")
    with pytest.raises(TerraformFailed, match=r"outputs\.tf"):
        copy.check_format()


def test_a_function_that_asks_for_an_unknown_secret_is_refused(copy: Offline) -> None:
    _change(copy, MANIFEST, "secrets: [bnc-cpt-token-key]", "secrets: [another-key]")
    copy.initialise("dev")
    with pytest.raises(TerraformFailed, match="another-key"):
        copy.plan("dev")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("project_id", "No_Project"),
        ("alert_emails", "[]"),
        ("operators", '["nobody"]'),
        ("creators", '["nobody"]'),
        ("creators", '["two@example.org,operator@example.org"]'),
        ("order_days", "0"),
        ("order_days", "3651"),
        ("cors_origins", '["http://example.org"]'),
        ("settings", '{"PUBLIC_URL":"https://example.org"}'),
        ("firestore_database", "X"),
        ("host", "https://example.org"),
        ("runbook_url", "docs"),
        ("archives_folder", "/nowhere"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused(offline: Offline, variable: str, value: str) -> None:
    offline.initialise("tst")
    with pytest.raises(TerraformFailed, match="Invalid value for variable"):
        offline.plan("tst", **{variable: value})


@pytest.mark.parametrize(("name", "enough"), [("tst", "creators"), ("prd", "operators")])
def test_somebody_may_create_where_not_everybody_may(offline: Offline, name: str, enough: str) -> None:
    offline.initialise(name)
    with pytest.raises(TerraformFailed, match="nobody could create"):
        offline.plan(name, creators="[]", operators="[]")
    offline.plan(name, **{enough: "[]"})


def test_where_anybody_may_create_nobody_needs_to_be_named(offline: Offline) -> None:
    offline.initialise("dev")
    offline.plan("dev", creators="[]", operators="[]")


def test_settings_that_differ_reach_every_function(offline: Offline) -> None:
    offline.initialise("prd")
    given = {"URL_S": "600", "TESLA_DAY_BUDGET_USD": "5"}
    plan = Plan(offline.plan("prd", settings='{"URL_S":"600","TESLA_DAY_BUDGET_USD":"5"}', order_days="30"))
    for values in plan.all("google_cloudfunctions2_function"):
        variables = values["service_config"][0]["environment_variables"]
        assert given.items() <= variables.items()
        assert variables["ORDER_DAYS"] == "30"


def _change(copy: Offline, file: Path, old: str, new: str) -> None:
    path = copy.folder / file
    before = path.read_text()
    assert old in before, f"nothing to change in {file}"
    path.write_text(before.replace(old, new))
