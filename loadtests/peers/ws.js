// npm `ws` as a fan-out: `/pub` sends "channel|text", everybody on `/sub/channel` gets the text.
const { WebSocketServer } = require("ws");

const channels = new Map();
const server = new WebSocketServer({ port: Number(process.argv[2]), host: "127.0.0.1", perMessageDeflate: false, backlog: 4096 });
server.on("connection", (socket, request) => {
  if (request.url.startsWith("/sub/")) {
    const name = request.url.slice(5);
    if (!channels.has(name)) channels.set(name, new Set());
    const members = channels.get(name);
    members.add(socket);
    socket.on("close", () => members.delete(socket));
    return;
  }
  socket.on("message", (data) => {
    const text = data.toString();
    const cut = text.indexOf("|");
    const payload = text.slice(cut + 1);
    for (const member of channels.get(text.slice(0, cut)) ?? []) member.send(payload);
  });
});
