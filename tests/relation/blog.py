"""The models that the tests of relations use, one of each kind of relation."""

from __future__ import annotations

from typing import ClassVar, List, Optional  # noqa: UP035  # The guide's era wrote them so.

from rhosocial.activerecord import AUTO, ActiveRecord, BelongsTo, HasMany, HasOne, ManyToMany


class Author(ActiveRecord):
    __table_name__ = "authors"

    id: int
    name: str
    boss_id: int | None = None

    posts = HasMany["Post"](foreign_key="author_id", inverse_of="author", order_by="id")
    good_posts = HasMany["Post"](foreign_key="author_id", conditions={"likes__gte": 5}, order_by="likes DESC")
    profile = HasOne["Profile | None"](foreign_key="author_id")
    boss = BelongsTo["Author | None"](foreign_key="boss_id")
    reports = HasMany["Author"](foreign_key="boss_id", order_by="id")
    comments = HasMany["Comment"](through="posts.comments", order_by="id")
    tags = HasMany["Tag"](through="posts", order_by="id")
    notes = HasMany["Note"](as_="owner", order_by="id")


class Profile(ActiveRecord):
    __table_name__ = "profiles"

    id: int
    author_id: int = AUTO
    text: str = ""

    author = BelongsTo["Author"](foreign_key="author_id")


class Post(ActiveRecord):
    __table_name__ = "posts"

    id: int
    author_id: int | None = None
    title: str = ""
    likes: int = 0

    author: Optional[Author] = BelongsTo("Author", foreign_key="author_id")  # noqa: UP045  # An old spelling.
    comments: ClassVar[HasMany[Comment]] = HasMany(foreign_key="post_id", order_by="id")
    tags = ManyToMany["Tag"](through="post_tags", order_by="id")
    notes: List[Note] = HasMany(as_="owner", order_by="id")  # noqa: UP006  # An old spelling.


class Comment(ActiveRecord):
    __table_name__ = "comments"

    id: int
    post_id: int = AUTO
    text: str = ""

    post = BelongsTo("Post")


class Tag(ActiveRecord):
    __table_name__ = "tags"

    id: int
    name: str

    posts = ManyToMany["Post"](through="PostTag", order_by="id")


class PostTag(ActiveRecord):
    __table_name__ = "post_tags"
    __primary_key__ = ("post_id", "tag_id")

    post_id: int
    tag_id: int

    post = BelongsTo["Post"]()
    tag = BelongsTo["Tag"]()


class Note(ActiveRecord):
    __table_name__ = "notes"

    id: int
    owner_type: str | None = None
    owner_id: int | None = None
    text: str = ""

    owner: Author | Post | None = BelongsTo(foreign_key="owner_id", type_key="owner_type")


class Flight(ActiveRecord):
    __table_name__ = "flights"
    __primary_key__ = ("carrier", "number")

    carrier: str
    number: int

    legs = HasMany["Leg"](foreign_key=("flight_carrier", "flight_number"), order_by="id")


class Leg(ActiveRecord):
    __table_name__ = "legs"

    id: int
    flight_carrier: str | None = None
    flight_number: int | None = None

    flight = BelongsTo["Flight | None"](foreign_key=("flight_carrier", "flight_number"))


MODELS = (Author, Profile, Post, Comment, Tag, PostTag, Note, Flight, Leg)


def fill() -> None:
    """Three authors, of whom Cy has nothing; posts 1 to 3 of Ann and 4 of Bob, comments on 1 and 4, tags, notes."""
    Author.bulk_create([Author(name="Ann"), Author(name="Bob", boss_id=1), Author(name="Cy", boss_id=1)])
    Profile.bulk_create([Profile(author_id=1, text="likes tea"), Profile(author_id=2, text="likes rain")])
    Post.bulk_create(
        [
            Post(author_id=1, title="tea", likes=3),
            Post(author_id=1, title="more tea", likes=9),
            Post(author_id=1, title="cake", likes=5),
            Post(author_id=2, title="rain", likes=7),
            Post(title="nobody's"),
        ]
    )
    Comment.bulk_create([Comment(post_id=post, text=f"on {post}") for post in (1, 1, 4)])
    Tag.bulk_create([Tag(name="drink"), Tag(name="food"), Tag(name="weather")])
    PostTag.bulk_create([PostTag(post_id=post, tag_id=tag) for post, tag in ((1, 1), (2, 1), (3, 1), (3, 2), (4, 3))])
    Note.bulk_create(
        [
            Note(owner_type="Author", owner_id=1, text="of Ann"),
            Note(owner_type="Post", owner_id=1, text="of tea"),
            Note(owner_type="Post", owner_id=4, text="of rain"),
            Note(text="of nobody"),
        ]
    )
    Flight.bulk_create([Flight(carrier="AA", number=1), Flight(carrier="AA", number=2)])
    Leg.bulk_create(
        [Leg(flight_carrier="AA", flight_number=number) for number in (1, 1, 2)] + [Leg(flight_carrier="AA")]
    )
