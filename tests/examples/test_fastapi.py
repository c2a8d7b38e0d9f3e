"""The example for FastAPI over HTTP: both of its faces, many requests at a time."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient

from rhosocial.activerecord.testing import Sandbox, assert_queries

sys.path.insert(0, str(Path(__file__).parents[2]))

from examples.fastapi.app import create_app
from examples.fastapi.models import Comment, Model, Post, User

FACES = ("blocking", "awaiting")
ANN = {"name": "Ann", "email": "Ann@Example.org"}


@pytest.fixture(params=FACES)
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A client of one face, whose application lives as long as the test."""
    url = f"sqlite:///{tmp_path}/blog.db?secret_key=a-long-random-text"
    with TestClient(create_app(url), base_url=f"http://test/{request.param}/") as made:
        yield made


def test_a_user_is_made_changed_and_removed(client: Any) -> None:
    made = client.post("users", json=ANN)
    assert 201 == made.status_code
    assert {"id": 1, "name": "Ann", "email": "ann@example.org", "about": None, "posts_left": 100} == {
        name: value for name, value in made.json().items() if name != "joined"
    }

    changed = client.patch("users/1", json={"about": "tea"})
    assert (200, "tea", "Ann") == (changed.status_code, changed.json()["about"], changed.json()["name"])
    assert {**made.json(), "about": "tea"} == client.get("users/1").json()
    assert None is client.patch("users/1", json={"about": None}).json()["about"]

    assert 204 == client.delete("users/1").status_code
    assert [404] * 3 == [
        client.get("users/1").status_code,
        client.patch("users/1", json={}).status_code,
        client.delete("users/1").status_code,
    ]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "users", {**ANN, "name": "B"}, 409, [("unique", ["body", "email"])]),
        ("POST", "users", {"name": "Bo", "email": "x"}, 422, [("value_error", ["body", "email"])]),
        ("POST", "users", {**ANN, "posts_left": 9}, 422, [("extra_forbidden", ["body", "posts_left"])]),
        ("PATCH", "users/2", {"email": "ANN@example.org"}, 409, [("unique", ["body", "email"])]),
        ("PATCH", "users/2", {"name": None}, 422, [("string_type", ["body", "name"])]),
        ("POST", "posts", {"author_id": 9, "title": "x"}, 409, [("foreign_key", ["body", "author_id"])]),
        ("POST", "posts", {"author_id": 3, "title": "x"}, 422, [("check", ["body", "posts_left"])]),
        (
            *("POST", "posts", {"author_id": 1, "title": "tea"}, 409),
            [("unique", ["body", "author_id"]), ("unique", ["body", "title"])],
        ),
        ("DELETE", "users/1", None, 409, [("foreign_key", ["body"])]),
        ("POST", "posts/9/comments?text=x", None, 409, [("foreign_key", ["body", "post_id"])]),
    ],
)
def test_what_is_refused_says_which_field(
    client: Any, method: str, path: str, body: Any, status: int, told: list[tuple[str, list[str]]]
) -> None:
    if body is not None and body.get("name") == "B":
        body = {**body, "name": "Bo"}
    User.create(**ANN)
    User.create(name="Bo", email="bo@example.org")
    User.create(name="Cy", email="cy@example.org", posts_left=0)
    Post.create(author_id=1, title="tea")

    answer = client.request(method, path, json=body)

    assert status == answer.status_code, answer.text
    assert told == [(entry["type"], entry["loc"]) for entry in answer.json()["detail"]]
    assert "sqlite" not in answer.text.lower() and "constraint failed" not in answer.text
    assert (3, 1) == (User.query().count(), Post.query().count())
    assert [100, 100, 0] == User.query().order_by("id").select("posts_left").scalars()


def test_pages_of_posts_cost_three_statements_however_long(client: Any) -> None:
    ann, bo = User.create(**ANN), User.create(name="Bo", email="bo@example.org")
    posts = Post.bulk_create([Post(author_id=(ann, bo)[n % 2].id, title=f"post {n}") for n in range(25)])
    Comment.bulk_create([Comment(post_id=post.id, text="yes") for post in posts])

    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        with assert_queries(3, Model):
            page = client.get("posts", params={"size": 10, **after}).json()
        seen += [
            f"{post['title']} by {post['author']['name']}: {post['comments'][0]['text']}" for post in page["items"]
        ]
        assert "email" not in page["items"][0]["author"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}

    assert [f"post {n} by {('Ann', 'Bo')[n % 2]}: yes" for n in reversed(range(25))] == seen
    assert (400, 422) == tuple(client.get("posts", params=p).status_code for p in ({"after": "x"}, {"size": 0}))


def test_the_schemas_of_the_document_have_stable_names(client: Any) -> None:
    document = client.get("http://test/openapi.json").json()["components"]["schemas"]

    own = {name for name in document if name.startswith(("User", "Post", "Comment"))}
    assert {"UserCreate", "UserPatch", "UserRead", "PostCreate", "PostRead", "PostPage"} <= own
    assert "as it stands under posts" == document["UserCreate"]["properties"]["name"]["description"]
    assert "required" not in document["UserPatch"]


async def together(app: Any, face: str, call: Callable[[httpx2.AsyncClient], Awaitable[Any]], count: int) -> list[Any]:
    """The answers to so many calls at a time."""
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=f"http://test/{face}/") as client,
    ):
        return await asyncio.gather(*(call(client) for _ in range(count)))


@pytest.mark.parametrize("way", FACES)
def test_of_many_at_a_time_one_has_the_address(way: str, tmp_path: Path) -> None:
    app = create_app(f"sqlite:///{tmp_path}/blog.db")

    answers = asyncio.run(together(app, way, lambda client: client.post("users", json=ANN), 40))

    assert [201] + [409] * 39 == sorted(answer.status_code for answer in answers)


@pytest.mark.parametrize("way", FACES)
def test_many_at_a_time_are_counted_and_none_is_kept_by_half(way: str, tmp_path: Path) -> None:
    app = create_app(f"sqlite:///{tmp_path}/blog.db")

    async def post(client: httpx2.AsyncClient, number: int) -> int:
        await client.post("users", json=ANN)
        return (await client.post("posts", json={"author_id": 1, "title": f"tea {number}"})).status_code

    async def all_of_it(client: httpx2.AsyncClient) -> Any:
        codes = await asyncio.gather(*(post(client, number) for number in range(110)))
        page = (await client.get("posts", params={"size": 100})).json()
        return codes, page["items"][0]["author"]["posts_left"], page["next"], len(page["items"])

    ((codes, left, further, shown),) = asyncio.run(together(app, way, all_of_it, 1))

    assert [201] * 100 + [422] * 10 == sorted(codes)
    assert (0, None, 100) == (left, further, shown)


@pytest.mark.parametrize("way", FACES)
def test_in_a_sandbox_it_leaves_nothing(way: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/blog.db?pool_timeout=5"
    app = create_app(url)
    with TestClient(app):  # Makes the tables, and closes the backend.
        pass
    Model.configure(url)
    with Sandbox(Model):
        for number in range(2):  # Each time the application starts, has its own loop, and stops.
            with TestClient(app, base_url=f"http://test/{way}/") as client, ThreadPoolExecutor(4) as pool:
                people = [{"name": f"Ann {n}", "email": f"ann{n}@example.org"} for n in range(8)]
                statuses = list(pool.map(lambda body: client.post("users", json=body).status_code, people))
                assert statuses == [409 if number else 201] * 8
        assert User.query().count() == 8
    assert User.query().count() == 0
    Model.backend().close()
