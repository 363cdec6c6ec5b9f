"""The HTTP API: passes API Gateway HTTP API 2.0 events to the routes of functions/routes.

No CORS: the web app and the API have one origin (behind CloudFront, or the local engine), so an
answer has no Access-Control headers and other origins' pages cannot read it.
"""

from aws_lambda_powertools.utilities.typing import LambdaContext

from domain.errors import Forbidden, Internal, ParleyError
from domain.metrics import INTERNAL
from functions import responses, routes
from functions.bootstrap import chat
from functions.entry import entry
from functions.observing import Answer, Event, report
from functions.origin import by_cloudfront
from functions.routes.service import HEALTH

router = routes.load()


def _refusal(error: ParleyError) -> Answer:
    if isinstance(error, Internal):
        chat().services.metrics.add(INTERNAL)
    return responses.json({"error": {"code": error.code, "message": error.message}}, error.status)


def _passed_cloudfront_by(event: Event) -> bool:
    """Returns whether a request bypassed CloudFront, and so its firewall. The health check may
    bypass it: it reveals nothing and costs nothing."""
    if event["rawPath"] == HEALTH:
        return False
    return not by_cloudfront(event)


@entry
def handler(event: Event, context: LambdaContext) -> Answer:
    try:
        if _passed_cloudfront_by(event):
            raise Forbidden("requests must go to the web app's address")
        return router.answer(event)
    except ParleyError as problem:
        return _refusal(problem)
    except Exception as error:
        report(error)
        return _refusal(Internal())
