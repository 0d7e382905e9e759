"""`remora openapi`: the API's document."""

from __future__ import annotations

import click

from remora.web import documents, routes


@click.command()
def openapi() -> None:
    """Print the OpenAPI document, as /api/openapi.json serves it."""
    click.echo(documents.as_text(routes.api_document()), nl=False)
