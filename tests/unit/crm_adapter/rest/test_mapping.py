"""Every mistake in a mapping is named, with its line, and no secret with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.problems import ProblemsFound
from crm_adapter.rest.mapping import LoadedRest, load_rest_mapping

pytestmark = pytest.mark.unit

WHOLE = """\
base_url: https://crm.example/api
auth:
  type: oauth2_client_credentials
  token_url: https://login.example/token
  client_id: ${env:CRM_ID}
  client_secret: ${file:SECRET}
limits: {concurrency: 4, rate: 10/2s, timeout_ms: 800, max_body: 1MiB}
phone: {forms: [e164, national_digits, last9], stop_on_first: true}
lookup:
  - kind: contact
    path: /contacts
    query: {phone: "{phone}", limit: "{limit}"}
    items: data[]
    none_when: {status: [204, 404]}
    map: {id: id, name: "join(' ', [first, last][?@])", phones: "[phone, mobile][]"}
    url: https://crm.example/c/{id}
get: {path: "/contacts/{id}", item: data}
history:
  path: /contacts/{id}/orders
  items: data[?status!='cancelled']
  map: {at: date, amount: total, currency: cur}
create_lead:
  find_by_key: {path: /leads, query: {ext: "{idem}"}, items: "data[]"}
  request:
    method: POST
    path: /leads
    headers: {Idempotency-Key: "{idem}"}
    json: {name: "{display}", phone: "{e164}", ext: "{idem}"}
  id: data.id
  conflict: {status: [409], existing_id: "[0].id"}
errors:
  ok_when: "success != `false` && !error"
  message: error.message
  rate_limit_when: "[0].errorCode=='REQUEST_LIMIT_EXCEEDED'"
webhook: {signature: {header: X-Sig, scheme: hmac-sha256-hex, secret: "${env:HOOK}"}, items: "[]"}
"""
ENVIRON = {"CRM_ID": "the-id", "HOOK": "hook-secret"}


def load(folder: Path, text: str) -> LoadedRest:
    secret = folder / "secret"
    secret.write_text("file-secret\n")
    file = folder / "crm.yaml"
    file.write_text(text.replace("SECRET", str(secret)))
    return load_rest_mapping(file, environ=ENVIRON)


def problems(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProblemsFound) as raised:
        load(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in raised.value.problems]


def test_a_whole_mapping_is_read_with_its_secrets(tmp_path: Path) -> None:
    loaded = load(tmp_path, WHOLE)
    assert loaded.mapping.auth.client_secret == "file-secret"
    assert loaded.mapping.webhook is not None
    assert loaded.mapping.webhook.signature.secret == "hook-secret"
    assert set(loaded.secrets) == {"the-id", "file-secret", "hook-secret"}
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("was", "becomes", "line", "words"),
    [
        ("items: data[]\n", "items: data[\n", 13, "this is no JMESPath: it ends too early"),
        ("{phone}", "{fone}", 12, "unknown name '{fone}'; did you mean 'phone'?"),
        ('"{phone}"', "x", 10, "does not say the number"),
        ("{display}", "{display", 28, "is no {name}"),
        ('e164}"', 'e146}"', 28, "unknown name '{e146}'; did you mean 'e164'?"),
        ("path: /contacts\n", "path: contacts\n", 10, "begins with one slash"),
        ("path: /contacts\n", "path: /contacts?a=b\n", 10, "holds no query"),
        ("path: /contacts\n", "path: /../x\n", 10, "leads elsewhere"),
        ("    items: data[]\n", "    itmes: data[]\n", 13, "unknown key 'itmes'; did you mean 'it"),
        (", phones: ", ", fones: ", 15, "unknown key 'fones'; did you mean 'phones'?"),
        ("https://crm.example/api", "crm.example", 1, "'base_url' is no address"),
        ("https://crm.example/api", "https://a:b@crm.example", 1, "a user or a password"),
        ("https://login.example/token", "file:///etc/passwd", 4, "'token_url' is no address"),
        ("${env:CRM_ID}", "${env:NONE}", 5, "no variable NONE"),
        ("${file:SECRET}", "${file:/nowhere/x}", 6, "cannot be read: No such file"),
        ("  client_secret: ${file:SECRET}\n", "", 2, "needs 'client_secret'"),
        ("10/2s", "10/min", 7, "'rate' cannot be '10/min'"),
        ("last9", "last99", 8, "cannot be 'last99'"),
        ("[204, 404]", "[204, many]", 14, "must be a whole number"),
        (
            'get: {path: "/contacts/{id}"',
            'get: {kind: lead, path: "/l/{id}"',
            17,
            "no look-up finds",
        ),
        ("amount: total, ", "", 21, "'amount' is missing"),
        ("  id: data.id\n", "  id: data.id\n  look_again: true\n", 22, "needs 'find_by_key'"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, was: str, becomes: str, line: int, words: str
) -> None:
    assert was in WHOLE
    found = problems(tmp_path, WHOLE.replace(was, becomes, 1))
    assert any(one.startswith(f"crm.yaml:{line}: ") and words in one for one in found), found


def test_no_secret_is_part_of_a_sentence(tmp_path: Path) -> None:
    text = WHOLE.replace("https://crm.example/api", "${env:HOOK}").replace("10/2s", "x")
    assert "hook-secret" not in " ".join(problems(tmp_path, text))


def test_a_written_secret_and_a_write_without_a_key_are_warned_of(tmp_path: Path) -> None:
    text = WHOLE.replace("${file:SECRET}", "written").replace(
        '  find_by_key: {path: /leads, query: {ext: "{idem}"}, items: "data[]"}\n', ""
    )
    found = [str(one).removeprefix(f"{tmp_path}/") for one in load(tmp_path, text).warnings]
    assert any(one.startswith("crm.yaml:6: warning: a secret stands") for one in found)
    assert any("written twice" in one for one in found)


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ("${file:SECRET}", "changeme", ["crm.yaml:6: 'client_secret' is one that everybody knows"]),
        ("phone: {", "headers: {X-Api-Key: Admin}\nphone: {", ["crm.yaml:8: 'X-Api-Key' is one"]),
        ("${env:HOOK}", "admin", ["crm.yaml:35: 'secret' is one that everybody knows: make"]),
        ("${env:CRM_ID}", "admin", []),  # a user's name
    ],
)
def test_a_secret_that_everybody_knows_goes_nowhere_else(
    tmp_path: Path, was: str, becomes: str, told: list[str]
) -> None:
    text = WHOLE.replace(was, becomes)
    if not told:
        assert load(tmp_path, text).warnings == ()
        return
    found = [one for one in problems(tmp_path, text) if "stands in the file" not in one]
    assert [one[: len(sentence)] for one, sentence in zip(found, told, strict=True)] == told


def test_on_this_machine_it_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("admin\n")
    text = WHOLE.replace("SECRET", f"{tmp_path}/known")
    for host in ("https://crm.example", "https://login.example"):
        assert any("leads to another machine" in one for one in problems(tmp_path, text))
        text = text.replace(host, "http://127.0.0.1:8069")
    [warning] = load(tmp_path, text).warnings
    assert "crm.yaml:6: warning: 'client_secret' is one that everybody knows" in str(warning)


def test_plain_http_to_far_away_is_warned_of(tmp_path: Path) -> None:
    far = load(tmp_path, WHOLE.replace("https://crm", "http://crm")).warnings
    near = load(tmp_path, WHOLE.replace("https://crm.example", "http://10.0.0.7:8069")).warnings
    assert any("without https" in str(one) for one in far)
    assert near == ()


def test_what_is_no_mapping_is_said_so(tmp_path: Path) -> None:
    assert "must be keys" in problems(tmp_path, "- a\n")[0]
    assert "base_url" in " ".join(problems(tmp_path, "adapter: rest\n"))
    with pytest.raises(ProblemsFound, match="no such mapping file"):
        load_rest_mapping(tmp_path / "none.yaml", environ={})
    with pytest.raises(ProblemsFound, match="no such preset"):
        load_rest_mapping("preset:../../secrets", environ={})
