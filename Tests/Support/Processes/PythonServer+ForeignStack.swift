extension PythonServer {
    /// A stack that was written by somebody else, after the vendor's documents alone.
    ///
    /// It reads the licence without asking whether it is there, answers nothing where nothing is expected, and 422 to a name
    /// that it does not have. `GET /` answers what it was called for: pairs of an integration and a function.
    ///
    /// - Parameter functions: Those that it has. One whose name begins with `make` or `drop` is of a step.
    package static func foreignStack(_ functions: [String]) async throws -> PythonServer {
        try await PythonServer(stack, functions)
    }

    private static let stack = """
        import http.server, json, sys
        names, done = sys.argv[1:], []
        class Stack(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            def answer(self, status, data):
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            def do_GET(self):
                if self.path == "/":
                    self.answer(200, json.dumps(done).encode())
                else:
                    self.answer(404, b"<html>no such page</html>")
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                name, options = body["function"], body["options"]
                options["opts"].get("connectorEdition")
                if name not in names:
                    self.answer(422, json.dumps({"errors": [{"code": "invalid_function", "message": "no " + name}]}).encode())
                    return
                done.append([options["_integrationId"], name])
                self.answer(200, b'{"success":true}' if name.startswith(("make", "drop")) else b"")
            def log_message(self, *arguments):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stack)
        print(server.server_address[1], flush=True)
        server.serve_forever()
        """
}
