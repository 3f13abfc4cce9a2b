"""What is sent as JSON: field for field as documented; an error in one shape, whatever failed."""

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """What is sent: field for field as documented."""

    model_config = ConfigDict(extra="forbid")


class ErrorDetailJson(Shape):
    """A stable code, and a message that says what mends it."""

    code: str
    message: str


class ErrorJson(Shape):
    """The one shape of every error."""

    error: ErrorDetailJson
