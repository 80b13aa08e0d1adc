"""Where Panel's server is asked for the app's calls of the notebook."""

from notebook_calls import LARGEST_ANSWER, calls
from tornado.web import RequestHandler


class ControlHandler(RequestHandler):
    def check_xsrf_cookie(self):
        """The token in the header is what authorises."""

    async def post(self):
        if len(self.request.body) > LARGEST_ANSWER:
            self.set_status(413)
            self.finish({"error": "The request is too large."})
            return
        headers = self.request.headers
        token, head = (headers.get(name, "") for name in ("X-AppBuilder-Control", "X-AppBuilder-Answer"))
        status, told = await calls.control(token, head, self.request.body)
        self.set_status(status)
        self.finish(told)


ROUTES = [("/_appbuilder/control", ControlHandler)]
