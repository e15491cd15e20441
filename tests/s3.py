"""A local S3 server: moto, in a thread of the test's process, reached over HTTP by anybody."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

BUCKET = "tours"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
}  # fmt: skip

Application = Callable[..., Any]


def ignoring_conditions(application: Application) -> Application:
    """The server as an old one: conditions of a request are not looked at."""

    def answer(environ: dict[str, Any], start_response: Any) -> Any:
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return application(environ, start_response)

    return answer


@contextlib.contextmanager
def s3_server(wrap: Callable[[Application], Application] = lambda app: app) -> Iterator[str]:
    """The endpoint of a server with one empty bucket; credentials are in the environment."""
    from moto.backends import get_backend

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    application = wrap(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}"
    with mock.patch.dict("os.environ", CREDENTIALS):
        get_backend("s3").reset()
        boto3.client("s3", endpoint_url=endpoint).create_bucket(Bucket=BUCKET)
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def workspace_uri(endpoint: str, folder: str) -> str:
    """A workspace on that server."""
    return f"s3://{BUCKET}/{folder}?endpoint_override={endpoint}"
