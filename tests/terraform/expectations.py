"""What a plan must hold, from the manifest, the settings and the stored types. A check gives its problems as text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import MISSING, dataclass, fields
from typing import Any, Final

from shared.api.tables import every_route
from shared.edge.routes import Auth
from shared.manifest import Function, Manifest, Topic
from shared.settings import BadSettings, Settings, read_settings, variable_names
from tests.terraform.offline import CREATOR, OPERATOR
from tests.terraform.plan import Plan, Right
from tests.terraform.provider import PROJECT_NUMBER
from tests.terraform.queries import queries
from tests.terraform.schema import ROOT
from tests.terraform.stored import Stored, stored_collections

HOSTS: Final = {
    "dev": "dev.api.carpulsetracker.com",
    "tst": "tst.api.carpulsetracker.com",
    "prd": "api.carpulsetracker.com",
}
CALLBACK: Final = "/api/v1/tesla/oauth/callback"
PRIVATE_KEY: Final = "bnc-cpt-tesla-private-key"
PUBSUB_AGENT: Final = f"serviceAccount:service-{PROJECT_NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"

_DOCUMENTS: Final = {"r": "roles/datastore.viewer", "rw": "roles/datastore.user"}
_BLOBS: Final = {"r": "roles/storage.objectViewer", "rw": "roles/storage.objectUser"}
_SOURCES: Final = 'resource.name.startsWith("projects/_/buckets/gcf-v2-sources-")'
_LONGEST_ABSENCE_S: Final = 84_600
_RETRY: Final = {"maximum_backoff": "600s", "minimum_backoff": "10s"}
_PROJECT_WIDE: Final = {"function-build": {("roles/logging.logWriter", ""), ("roles/storage.objectViewer", _SOURCES)}}
"""Account -> roles on the whole project, besides Firestore's, which is conditioned on the database."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One environment's plan beside what it is held against."""

    environment: str
    plan: Plan
    manifest: Manifest

    @property
    def project(self) -> str:
        """The project that the plan was made for."""
        return f"cpt-{self.environment}"

    def member(self, account: str) -> str:
        """The service account as a member of policies."""
        return f"serviceAccount:{account}@{self.project}.iam.gserviceaccount.com"

    def url(self, service: str) -> str:
        """Cloud Run's URL of the service."""
        return f"https://{service}-{PROJECT_NUMBER}.europe-west1.run.app"


def service_of(name: str) -> str:
    """The Cloud Run service of a function."""
    return name.replace("_", "-")


def problems(expected: Expected) -> list[str]:
    """Everything that the plan lacks or has too much."""
    checks = (
        _functions,
        _archives,
        _rights,
        _project_roles,
        _topics,
        _paths,
        _settings,
        _hosts,
        _secrets,
        _documents,
        _indexes,
        _alerts,
        _metrics,
    )
    return [f"{expected.environment}: {problem}" for check in checks for problem in check(expected)]


def _differ(what: str, actual: Any, wanted: Any) -> Iterator[str]:
    if actual != wanted:
        yield f"{what}: {actual!r} instead of {wanted!r}"


def _functions(expected: Expected) -> Iterator[str]:
    planned = expected.plan.named("google_cloudfunctions2_function")
    yield from _differ("functions", set(planned), {service_of(name) for name in expected.manifest.functions})
    for name, item in expected.manifest.functions.items():
        if values := planned.get(service_of(name)):
            yield from _function(expected, service_of(name), item, values)


def _function(expected: Expected, service: str, item: Function, values: dict[str, Any]) -> Iterator[str]:
    (build,), (config,) = values["build_config"], values["service_config"]
    wanted = {
        "service_account_email": expected.member(f"fn-{service}").removeprefix("serviceAccount:"),
        "available_memory": item.memory,
        "available_cpu": str(item.cpu),
        "timeout_seconds": item.timeout_s,
        "max_instance_request_concurrency": item.concurrency,
        "min_instance_count": item.instances[0],
        "max_instance_count": item.instances[1],
        "ingress_settings": "ALLOW_INTERNAL_ONLY" if item.topic else "ALLOW_INTERNAL_AND_GCLB",
    }
    yield from _differ(f"{service}: size and reach", {name: config[name] for name in wanted}, wanted)
    yield from _differ(f"{service}: entry", (build["runtime"], build["entry_point"]), ("python313", item.entry))


def _archives(expected: Expected) -> Iterator[str]:
    """Each function is built from its own archive, which is uploaded from the folder of the packages."""
    functions = expected.plan.named("google_cloudfunctions2_function")
    built = {name: values["build_config"][0]["source"][0]["storage_source"][0] for name, values in functions.items()}
    uploaded = expected.plan.named("google_storage_bucket_object")
    for name in expected.manifest.functions:
        source = built.get(service_of(name), {})
        archive = uploaded.get(source.get("object", ""), {})
        if not str(archive.get("source", "")).endswith(f"/package/{source.get('object')}"):
            yield f"{name}: its archive is not uploaded"
        yield from _differ(f"{name}: bucket of archives", source.get("bucket"), archive.get("bucket"))
        if not source.get("object", "").startswith(f"{name}-"):
            yield f"{name}: built from another function's archive"


def _rights(expected: Expected) -> Iterator[str]:
    """Each function's account has exactly the manifest's rights, and lets in whom it serves."""
    planned = expected.plan.rights()
    for name, item in expected.manifest.functions.items():
        service = service_of(name)
        own = planned.get(expected.member(f"fn-{service}"), set())
        yield from _differ(f"{service}: rights", own, set(_rights_of(expected, service, item)))
        invoker = Right("cloud_run_v2_service", service, "roles/run.invoker")
        invokers = {member for member, rights in planned.items() if invoker in rights}
        yield from _differ(
            f"{service}: invokers", invokers, {expected.member("pusher") if item.topic else "allUsers"}
        )


def _rights_of(expected: Expected, service: str, item: Function) -> Iterator[Right]:
    rights = item.rights
    if rights.documents:
        database = f'resource.name == "projects/{expected.project}/databases/(default)"'
        yield Right("project", expected.project, _DOCUMENTS[rights.documents], database)
    if rights.blobs:
        yield Right("storage_bucket", f"{expected.project}-orders", _BLOBS[rights.blobs])
    for topic in rights.publish:
        yield Right("pubsub_topic", topic, "roles/pubsub.publisher")
    for secret in rights.secrets:
        yield Right("secret_manager_secret", secret, "roles/secretmanager.secretAccessor")
        yield Right("secret_manager_secret", secret, "roles/secretmanager.viewer")
    if rights.sign_urls:
        account = expected.member(f"fn-{service}").removeprefix("serviceAccount:")
        yield Right("service_account", account, "roles/iam.serviceAccountTokenCreator")


def _project_roles(expected: Expected) -> Iterator[str]:
    allowed = {expected.member(account): roles for account, roles in _PROJECT_WIDE.items()}
    for member, rights in expected.plan.rights().items():
        wide = {(each.role, each.condition) for each in rights if each.kind == "project"}
        for role, condition in wide - allowed.get(member, set()):
            if role not in _DOCUMENTS.values() or "/databases/" not in condition:
                yield f"{member} has {role} on the whole project"


def _topics(expected: Expected) -> Iterator[str]:
    topics = set(expected.plan.named("google_pubsub_topic"))
    own = set(expected.manifest.topics())
    wanted = own | {f"{name}-dead" for name in own} | set(expected.manifest.outward_topics)
    yield from _differ("topics", topics, wanted)
    for topic, (name, item) in expected.manifest.topics().items():
        yield from _subscriptions(expected, service_of(name), topic, item)
        yield from _dead_letters(expected, topic)
    jobs = {
        name: (job["schedule"], job["pubsub_target"][0]["topic_name"].rpartition("/")[2])
        for name, job in expected.plan.named("google_cloud_scheduler_job").items()
    }
    scheduled = {t: (item.schedule, t) for t, (_name, item) in expected.manifest.topics().items() if item.schedule}
    yield from _differ("schedules", jobs, scheduled)


def _subscriptions(expected: Expected, service: str, topic: str, item: Topic) -> Iterator[str]:
    values = expected.plan.named("google_pubsub_subscription").get(topic)
    if values is None:
        yield f"{topic}: no subscription"
        return
    push = {
        "push_endpoint": expected.url(service),
        "oidc_token": [
            {
                "audience": expected.url(service),
                "service_account_email": expected.member("pusher").removeprefix("serviceAccount:"),
            }
        ],
    }
    (given,) = values["push_config"]
    yield from _differ(f"{topic}: push", {name: given[name] for name in push}, push)
    dead = [
        {
            "dead_letter_topic": f"projects/{expected.project}/topics/{topic}-dead",
            "max_delivery_attempts": item.attempts,
        }
    ]
    yield from _differ(f"{topic}: dead letter", values["dead_letter_policy"], dead)
    yield from _differ(f"{topic}: retry", values["retry_policy"], [_RETRY])


def _dead_letters(expected: Expected, topic: str) -> Iterator[str]:
    dead = f"{topic}-dead"
    subscription = expected.plan.named("google_pubsub_subscription").get(dead, {})
    if not str(subscription.get("topic", "")).endswith(f"/topics/{dead}"):
        yield f"{dead}: no subscription, dead letters are lost"
    agent = expected.plan.rights().get(PUBSUB_AGENT, set())
    needed = {
        Right("pubsub_topic", dead, "roles/pubsub.publisher"),
        Right("pubsub_subscription", topic, "roles/pubsub.subscriber"),
    }
    yield from (f"{topic}: Pub/Sub lacks {each}" for each in needed - agent)
    filters = [
        condition["condition_threshold"][0]["filter"]
        for alert in expected.plan.all("google_monitoring_alert_policy")
        for condition in alert["conditions"]
        if condition["condition_threshold"]
    ]
    if not any(f'subscription_id = "{dead}"' in each for each in filters):
        yield f"{dead}: no alert"


def _alerts(expected: Expected) -> Iterator[str]:
    """Every function has its own; Cloud Monitoring takes whole minutes only, of absences 2 to 1410."""
    own = {
        (alert["user_labels"] or {}).get("function") for alert in expected.plan.all("google_monitoring_alert_policy")
    }
    yield from (f"{name}: no alert" for name in map(service_of, expected.manifest.functions) if name not in own)
    yield from _unheard(expected.plan)
    for name, least, duration in _waits(expected.plan):
        seconds = int(duration.removesuffix("s"))
        if seconds % 60 or not least <= seconds <= _LONGEST_ABSENCE_S:
            yield f"{name}: no alert can wait for {duration}"


def _unheard(plan: Plan) -> Iterator[str]:
    """One error is for a human, and so is the next one: an incident that stays open tells nobody of it."""
    for alert in plan.all("google_monitoring_alert_policy"):
        thresholds = [each for condition in alert["conditions"] for each in condition["condition_threshold"]]
        if thresholds and [each["auto_close"] for each in alert["alert_strategy"]] != ["1800s"]:
            yield f"{alert['display_name']}: its incident stays open for a week"
        if any("/service_errors" in each["filter"] and each["threshold_value"] for each in thresholds):
            yield f"{alert['display_name']}: a single error is not told"


def _waits(plan: Plan) -> Iterator[tuple[str, int, str]]:
    """Alert, least duration that its kind may have, duration as planned."""
    for alert in plan.all("google_monitoring_alert_policy"):
        for condition in alert["conditions"]:
            yield from ((alert["display_name"], 0, each["duration"]) for each in condition["condition_threshold"])
            yield from ((alert["display_name"], 120, each["duration"]) for each in condition["condition_absent"])


def _metrics(expected: Expected) -> Iterator[str]:
    """What is counted is what the code says: its messages, word for word, and the fields of those."""
    code = "".join(path.read_text() for path in (ROOT / "shared").rglob("*.py"))
    planned = expected.plan.named("google_logging_metric")
    for name in {"request_ms", "message_ms", "tesla_price_usd", "tesla_latency_ms"} - set(planned):
        yield f"{name}: nothing counts it"
    for name, values in planned.items():
        messages = re.findall(r'"([a-z][a-z ]+)"', values["filter"].partition("jsonPayload.message=")[2])
        yield from (f"{name}: nothing logs {m!r}" for m in messages if not re.search(rf'log\.\w+\(\s*"{m}"', code))
        extractors = [values["value_extractor"] or "", *(values["label_extractors"] or {}).values()]
        fields_read = set(re.findall(r"jsonPayload\.(\w+)", " ".join(extractors))) - {"message"}
        yield from (f"{name}: no record has {f}" for f in fields_read if not re.search(rf"\b{f}\b=", code))


def _paths(expected: Expected) -> Iterator[str]:
    url_map = expected.plan.named("google_compute_url_map")["car-pulse-tracker"]
    (matcher,) = url_map["path_matcher"]
    routed = {path: rule["service"].rpartition("/")[2] for rule in matcher["path_rule"] for path in rule["paths"]}
    wanted: dict[str, str] = {}
    for name, item in expected.manifest.functions.items():
        for prefix in item.paths:
            below = f"{prefix.rstrip('/')}/*"
            wanted |= dict.fromkeys(
                [below] if prefix.endswith("/") else [prefix, below], f"car-pulse-tracker-{service_of(name)}"
            )
    yield from _differ("paths", routed, wanted)


def _settings(expected: Expected) -> Iterator[str]:
    functions = expected.plan.named("google_cloudfunctions2_function")
    for name, item in expected.manifest.functions.items():
        service = service_of(name)
        if service not in functions:
            continue
        given = functions[service]["service_config"][0]["environment_variables"]
        yield from (f"{service}: {each} is no setting" for each in set(given) - set(variable_names()))
        yield from (f"{service}: {each} is the default" for each in _needless(given))
        try:
            settings = read_settings({**given, "K_SERVICE": service})
        except BadSettings as error:
            yield f"{service}: {error}"
            continue
        yield from _wired(expected, service, item, settings)


def _needless(given: dict[str, str]) -> list[str]:
    defaults = {each.name.upper(): each.default for each in fields(Settings) if each.default is not MISSING}
    return [name for name, value in given.items() if str(defaults.get(name, "")) == value]


def _wired(expected: Expected, service: str, item: Function, settings: Settings) -> Iterator[str]:
    wanted = {
        "google_cloud_project": expected.project,
        "firestore_database": expected.plan.all("google_firestore_database")[0]["name"],
        "bucket": f"{expected.project}-orders",
        "public_url": f"https://{HOSTS[expected.environment]}",
        "oidc_audience": expected.url(service),
        "pusher": expected.member("pusher").removeprefix("serviceAccount:"),
        "orders_require": "none" if expected.environment == "dev" else "operator",
        "creators": (CREATOR,) if _admits_creators(item) else (),
        "operators": (OPERATOR,),
        "order_days": _order_days(expected.plan),
    }
    if item.topic:
        wanted |= {"message_attempts": item.topic.attempts, "message_max_age_s": item.topic.max_age_s}
    for name, value in wanted.items():
        yield from _differ(f"{service}: {name.upper()}", getattr(settings, name), value)


def _admits_creators(item: Function) -> bool:
    """Whether a route of the function is for creators; the others have no use for their names."""
    creating = [route.path for route in every_route() if route.auth in (Auth.CREATOR, Auth.GRANT_OR_CREATOR)]
    return any(path.startswith(tuple(item.paths)) for path in creating)


def _order_days(plan: Plan) -> int:
    """Objects of orders are removed on the day after."""
    bucket = next(each for each in plan.all("google_storage_bucket") if each["name"].endswith("-orders"))
    ages = [rule["condition"][0]["age"] for rule in bucket["lifecycle_rule"] if rule["action"][0]["type"] == "Delete"]
    return int(ages[0]) - 1


def _hosts(expected: Expected) -> Iterator[str]:
    host = HOSTS[expected.environment]
    yield from _differ("redirect URI", expected.plan.outputs["redirect_uri"], f"https://{host}{CALLBACK}")
    key = next(item.paths[0] for item in expected.manifest.functions.values() if item.entry == "serve_partner_key")
    yield from _differ("public key", expected.plan.outputs["public_key_url"], f"https://{host}{key}")
    (certificate,) = expected.plan.all("google_compute_managed_ssl_certificate")
    yield from _differ("certificate", certificate["managed"][0]["domains"], [host])


def _secrets(expected: Expected) -> Iterator[str]:
    wanted = {each.default for each in fields(Settings) if each.name.endswith("_secret")}
    yield from _differ("secrets", set(expected.plan.named("google_secret_manager_secret", "secret_id")), wanted)
    for member, rights in expected.plan.rights().items():
        if any(each.target == PRIVATE_KEY for each in rights):
            yield f"{member} may read the private key"
    if expected.plan.all("google_secret_manager_secret_version"):
        yield "values of secrets would lie in the state"


def _documents(expected: Expected) -> Iterator[str]:
    planned: dict[str, Stored] = {}
    for values in expected.plan.all("google_firestore_field"):
        stored = planned.setdefault(values["collection"], Stored())
        if values["ttl_config"]:
            stored.expires = values["field"] == "expires_at"
        else:
            stored.unindexed.add(values["field"])
    wanted = stored_collections()
    for name in sorted(planned.keys() | wanted.keys()):
        yield from _differ(f"fields of documents of {name}", planned.get(name), wanted.get(name))


def _indexes(expected: Expected) -> Iterator[str]:
    """Every question that needs a composite index has it, and none asks for a field that is left out of indexes."""
    planned = {
        (values["collection"], *((each["field_path"], each["order"]) for each in values["fields"]))
        for values in expected.plan.all("google_firestore_index")
    }
    needed = {(query.collection, *query.index) for query in queries() if query.index}
    yield from _differ("composite indexes", planned, needed)
    left_out = {(values["collection"], values["field"]) for values in expected.plan.all("google_firestore_field")}
    asked = {(query.collection, field) for query in queries() for field in query.fields}
    yield from (f"{collection}.{field} is asked for and has no index" for collection, field in asked & left_out)
