# The least that gunicorn can serve.


def application(environ, start_response):
    body = b"served\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
