"""What the guide to more machines shows is what Docker, Kubernetes, AWS and Dask take, and it runs."""

import json
import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
import distributed  # noqa: F401 - its import gives Dask's configuration the keys of distributed
import pytest
import yaml
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import validate_parameters

from datafetch.models.shard import MOST_SHARES, shard_of
from datafetch.settings import ENV_NAMES, Settings
from tests.fakes.world import World
from tests.processes import ROOT, clean_environment, datafetch

GUIDE = (ROOT / "datafetch/guides/scale.md").read_text(encoding="utf-8")
OF_PLATFORMS = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")
JOBS = ("logos", "refresh-opengraph", "github")


def snippet(name: str) -> str:
    """The code below a mark of the guide."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```\n", GUIDE, re.DOTALL)
    assert found is not None, name
    return found[1]


def documents(language: str) -> list[Any]:
    """All documents in the guide's blocks of YAML or JSON."""
    read = yaml.safe_load_all if language == "yaml" else lambda text: [json.loads(text)]
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return [document for block in blocks for document in read(block)]


def everything(value: Any) -> Iterator[Any]:
    """A document's parts, the inner ones too."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from everything(part)


def variables(document: Any) -> dict[str, str]:
    """The environment variables that a document sets anywhere, in the forms of all platforms."""
    found: dict[str, str] = {}
    for part in everything(document):
        if not isinstance(part, dict):
            continue
        for name in ("env", "environment"):
            given = part.get(name, {})
            pairs = (
                [(one["name"], one["value"]) for one in given] if isinstance(given, list) else given
            )
            found |= dict(pairs)
    return found


def containers(document: Any) -> Iterator[dict[str, Any]]:
    """The containers of the pods in a document of Kubernetes."""
    for part in everything(document):
        if isinstance(part, dict):
            yield from part.get("containers", ())


# ---------------------------------------------------------------------- what is written


def known_to_dask(name: str) -> bool:
    """Whether Dask's configuration has a key for a variable."""
    value: Any = dask.config.collect_env({name: "x"})
    node: Any = dask.config.config
    while isinstance(value, dict):
        (key,) = value
        names = {one.replace("_", "-"): one for one in node}
        if key.replace("_", "-") not in names:
            return False
        node, value = node[names[key.replace("_", "-")]], value[key]
    return True


def test_every_variable_is_read_by_somebody() -> None:
    """A variable that nobody reads would leave a cluster without certificates, or a share without work."""
    ours = {name for names in ENV_NAMES.values() for name in names}
    named = set(re.findall(r"\b(?:DASK|DATAFETCH|LOGO|S3)_[A-Z0-9_]+\b", GUIDE))
    assert len(named) > 10
    dasks = {name for name in named if name.startswith("DASK_")}
    assert {name for name in dasks if not known_to_dask(name)} == set()
    assert named - dasks - ours == set()
    assert not known_to_dask("DASK_DISTRIBUTED__COMM__TLS__CA_FILES")
    assert not known_to_dask("DASK_DISTRIBUTION__COMM__TLS__CA_FILE")
    for document in [*documents("yaml"), *documents("json")]:
        for name in variables(document):
            assert name in named, name
    assert all(name in GUIDE for name in OF_PLATFORMS)


def test_the_pace_is_that_of_the_settings() -> None:
    """The time for a million domains follows from the defaults."""
    size = Settings.model_fields["logo_batch_size"].default
    delay_ms = Settings.model_fields["logo_batch_delay_ms"].default
    a_second = size / (delay_ms / 1000)
    assert f"`LOGO_BATCH_SIZE` times ({size}), then there is a pause" in GUIDE
    assert f"`LOGO_BATCH_DELAY_MS` ({delay_ms} ms): {a_second:.0f} requests a second" in GUIDE
    assert f"So a million domains take {1_000_000 / a_second / 3600:.0f} hours" in GUIDE


def test_compose_takes_the_file(tmp_path: Path) -> None:
    """Its schema finds no fault; each process has its own certificate, and keys of no other."""
    (tmp_path / "compose.yaml").write_text(snippet("compose"))
    line = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", "compose.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", *line], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    services = yaml.safe_load(snippet("compose"))["services"]
    assert services["scheduler"]["entrypoint"] == ["dask", "scheduler"]
    assert services["worker"]["command"] == ["worker"]
    assert "crontab" in GUIDE
    assert "docker compose run --rm -T run refresh-opengraph" in snippet("crontab: compose")
    for service, role in (("scheduler", "SCHEDULER"), ("worker", "WORKER"), ("run", "CLIENT")):
        own = "client" if role == "CLIENT" else service
        inside = {volume.split(":")[1] for volume in services[service]["volumes"]}
        assert inside == {"/tls/ca.pem", f"/tls/{own}.pem", f"/tls/{own}.key"}
        environment = services[service]["environment"]
        assert environment[f"DASK_DISTRIBUTED__COMM__TLS__{role}__KEY"] == f"/tls/{own}.key"
        assert environment["DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION"] == "true"


def test_the_dask_job_is_one() -> None:
    """Names fit together: the service is the cluster's, and the run ends when it has ended."""
    job = yaml.safe_load(snippet("daskjob"))
    assert (job["apiVersion"], job["kind"]) == ("kubernetes.dask.org/v1", "DaskJob")
    name = job["metadata"]["name"]
    cluster = job["spec"]["cluster"]["spec"]
    service = cluster["scheduler"]["service"]
    assert service["selector"] == {
        "dask.org/cluster-name": name,
        "dask.org/component": "scheduler",
    }
    (port,) = service["ports"]
    (scheduler,) = cluster["scheduler"]["spec"]["containers"]
    assert port["targetPort"] == scheduler["ports"][0]["name"]
    assert str(port["port"]) in scheduler["args"]
    runner = job["spec"]["job"]["spec"]
    assert runner["restartPolicy"] == "Never"
    address = f"tls://{name}-scheduler:{port['port']}"
    for spec in (runner, cluster["worker"]["spec"]):
        (container,) = spec["containers"]
        assert variables(container)["DATAFETCH_CLUSTER"] == address
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in spec["volumes"]}
    assert runner["containers"][0]["args"][0] in JOBS
    config_map = "create configmap --from-file=daskjob.yaml "
    start = list(yaml.safe_load_all(snippet("cronjob: operator")))
    (pod,) = [
        one["spec"]["jobTemplate"]["spec"]["template"]["spec"]
        for one in start
        if "jobTemplate" in str(one)
    ]
    (mapped,) = [volume["configMap"]["name"] for volume in pod["volumes"]]
    assert f"{config_map}{mapped}\n" in GUIDE
    assert pod["containers"][0]["args"][-1] == "/job/daskjob.yaml"
    rules = next(one for one in start if one["kind"] == "Role")["rules"]
    # kubectl's `replace --force` reads, deletes, waits until the object is gone, and creates it.
    assert set(rules[0]["verbs"]) == {"get", "list", "watch", "create", "delete"}


def test_the_run_waits_for_its_scheduler() -> None:
    """The container before the run ends as soon as somebody listens."""
    job = yaml.safe_load(snippet("daskjob"))
    (first,) = job["spec"]["job"]["spec"]["initContainers"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        *_, code = first["command"]
        there = code.replace("datafetch-opengraph-scheduler", host).replace("8786", str(port))
        assert there.count(host) == 1
        line = [sys.executable, *first["command"][1:-1], there]
        assert subprocess.run(line, check=False, timeout=30).returncode == 0
        server.settimeout(5)
        server.accept()[0].close()


def test_the_indexed_job_has_a_pod_for_each_share() -> None:
    """As many pods as shares; each that was killed waits longer than a lease before it gives up."""
    job = yaml.safe_load(snippet("cronjob: indexed"))["spec"]["jobTemplate"]["spec"]
    assert job["completionMode"] == "Indexed"
    (container,) = containers(job)
    assert variables(job)["DATAFETCH_SHARDS"] == str(job["completions"]) == str(job["parallelism"])
    assert container["args"][0] in JOBS
    assert int(container["args"][2]) > Settings.model_fields["lock_ttl_ms"].default / 1000
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule["onExitCodes"]["containerName"] == container["name"]
    assert job["template"]["spec"]["restartPolicy"] == "Never"


def is_valid(value: Any, operation: str) -> None:
    """Whether AWS Batch takes a value for one of its operations."""
    batch = ServiceModel(Loader().load_service_model("batch", "service-2"), "batch")
    shape = batch.operation_model(operation).input_shape
    assert shape is not None
    validate_parameters(value, shape)


@pytest.mark.parametrize("shares", [2, MOST_SHARES])
def test_the_array_is_one_that_batch_takes(shares: int) -> None:
    """The library of Amazon knows each field of the definition and of what the schedule sends."""
    shard_of(shares, shares)
    definition = json.loads(snippet("batch: definition"))
    is_valid(definition, "RegisterJobDefinition")
    environment = variables(definition)
    words = shlex.split(snippet("batch: schedule").replace("\\\n", " "))
    target = json.loads(words[words.index("--target") + 1])
    assert target["Arn"] == "arn:aws:scheduler:::aws-sdk:batch:submitJob"
    sent = json.loads(target["Input"])
    asked = {
        f"{name[0].lower()}{name[1:]}": {"size": value["Size"]}
        if name == "ArrayProperties"
        else value
        for name, value in sent.items()
    }
    is_valid(asked, "SubmitJob")
    assert asked["jobDefinition"] == definition["jobDefinitionName"]
    assert str(asked["arrayProperties"]["size"]) == environment["DATAFETCH_SHARDS"]
    assert definition["containerProperties"]["command"][0] in JOBS


# ------------------------------------------------------------------------- what is run


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of certificates that the guide's lines make."""
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        ["sh", "-eu"],
        input=snippet("run: certificates"),
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return folder / "dask-tls"


def test_the_lines_make_certificates(certificates: Path) -> None:
    """A pair for each of the three, which their authority has signed; nobody else may read a key."""
    made = {path.name for path in certificates.iterdir()} - {"ca.srl"}
    assert made == {
        f"{name}.{kind}"
        for name in ("ca", "scheduler", "worker", "client")
        for kind in ("pem", "key")
    }
    assert {path.stat().st_mode & 0o077 for path in certificates.iterdir()} == {0}
    for name in ("scheduler", "worker", "client"):
        line = ["openssl", "verify", "-x509_strict", "-CAfile", "ca.pem", f"{name}.pem"]
        done = subprocess.run(line, cwd=certificates, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, f"{name}.pem: OK\n"), done.stderr


BY_THE_OPERATOR = {
    "DASK_SCHEDULER_ADDRESS": "tcp://nobody.invalid:8786",
    "DASK_WORKER_NAME": "datafetch-opengraph-default-worker-0123456789",
}
"""What the operator gives to the containers of a cluster, also of one that speaks TLS only."""


class Machine:
    """The processes of a cluster on this machine, started by the guide's lines."""

    def __init__(self, site: Path, world: World) -> None:
        self.site = site
        self.port = free_port()
        self._world = world
        self._elsewhere = site / "elsewhere"
        self._elsewhere.mkdir()
        self._programs = with_programs(site / "bin")
        self._processes: list[subprocess.Popen[str]] = []

    def lines(self, role: str) -> str:
        """The lines of a process, with this machine's places in the place of the guide's."""
        text = snippet(f"run: {role}").replace("/opt/site", str(self.site))
        text = text.replace("scheduler.internal:8786", f"127.0.0.1:{self.port}")
        text = text.replace("--port 8786", f"--host 127.0.0.1 --port {self.port}")
        return text.replace("127.0.0.1:8787", "127.0.0.1:0")

    def start(self, role: str, **variables: str) -> "subprocess.Popen[str]":
        """Start a process by its lines; its environment has nothing but what they set, and the proxies."""
        proxies = {
            name: value
            for name, value in self._world.environment().items()
            if name.upper().endswith("_PROXY") or name == "SSL_CERT_FILE"
        }
        process = subprocess.Popen(
            [
                "sh",
                "-euc",
                re.sub(r"^(dask|datafetch) ", r"exec \1 ", self.lines(role), flags=re.MULTILINE),
            ],
            cwd=self.site if role == "job" else self._elsewhere,
            env=clean_environment(**(BY_THE_OPERATOR | proxies | variables))
            | {"PATH": f"{self._programs}:/usr/bin:/bin"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._processes.append(process)
        return process

    def end(self) -> None:
        """End all that is left."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.communicate()


def with_programs(folder: Path) -> Path:
    """A folder with the two programs that the lines name, of this checkout and its environment."""
    folder.mkdir(exist_ok=True)
    for name, module in (("datafetch", "datafetch"), ("dask", "dask")):
        line = f'#!/bin/sh\nexec {sys.executable} -m {module} "$@"\n'
        (folder / name).write_text(line)
        (folder / name).chmod(0o755)
    return folder


def free_port() -> int:
    """A port of this machine that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def test_the_lines_make_a_cluster(certificates: Path) -> None:
    """A run with the guide's certificates finds its logos through the guide's scheduler and worker."""
    site = certificates.parent
    with World(8, 6, 1) as world:
        settings = {**world.environment(), "DATAFETCH_STORE": "file:./store"}
        assert datafetch("bookmarks", cwd=site, **settings).code == 0
        machine = Machine(site, world)
        try:
            scheduler = machine.start("scheduler")
            assert scheduler.stdout is not None
            assert any("Scheduler at:" in line for line in scheduler.stdout)
            machine.start("worker")
            run = machine.start("job", **settings, S3_CDN_URL="https://cdn.example.org")
            out, _ = run.communicate(timeout=100)
        finally:
            machine.end()
        assert run.returncode == 0, out
        assert '"cluster_worker_joined"' in out
        assert world.sites.log.count() >= 8
    assert (site / "store/json/image-data/opengraph/manifest-dev.json").is_file(), out
