// uWebSockets as a fan-out, by its own publish: `/pub` sends "channel|text", everybody on `/sub/channel` gets the text.
const uws = require("@trufflesuite/uws-js-unofficial");

const app = uws.App();
app.ws("/*", {
  idleTimeout: 0,
  upgrade: (response, request, context) => {
    response.upgrade(
      { url: request.getUrl() },
      request.getHeader("sec-websocket-key"),
      request.getHeader("sec-websocket-protocol"),
      request.getHeader("sec-websocket-extensions"),
      context,
    );
  },
  open: (socket) => {
    if (socket.url.startsWith("/sub/")) socket.subscribe(socket.url.slice(5));
  },
  message: (socket, data) => {
    const text = Buffer.from(data).toString();
    const cut = text.indexOf("|");
    app.publish(text.slice(0, cut), text.slice(cut + 1));
  },
});
app.listen("127.0.0.1", Number(process.argv[2]), (token) => {
  if (!token) process.exit(1);
});
