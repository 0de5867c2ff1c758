// Socket.IO: a room per channel, `socket.to(room).emit` for each message, over the WebSocket transport alone.
//
// Its own protocol: a client asks for /socket.io/?EIO=4&transport=websocket&channel=<channel>, sends `40` to join and
// `42["message",<JSON>]` to publish, and gets the envelope as the argument of a "message" event. Its parser checks the
// JSON and writes it anew. As its documentation advises: bufferutil is installed, and the first request of a
// connection is let go of. No compression; pings are put off, because the generator does not answer those of its protocol.

import { createServer } from "node:http";
import { Server } from "socket.io";

const AN_HOUR_MS = 3_600_000;
const boot = Math.random().toString(36).slice(2, 8);
let messages = 0;

const http = createServer();
const server = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  perMessageDeflate: false,
  httpCompression: false,
  pingInterval: AN_HOUR_MS,
  maxHttpBufferSize: 16 * 1024 * 1024,
});

server.on("connection", (socket) => {
  const channel = socket.handshake.query.channel;
  socket.join(channel);
  socket.conn.request = null; // not sooner: the handshake's query is read from it
  socket.on("message", (message) => {
    const envelope = { id: `${boot}${++messages}`, uid: socket.id, date: Date.now(), message };
    socket.to(channel).emit("message", envelope);
  });
});

http.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () =>
  console.log(`listening on http://127.0.0.1:${http.address().port}`),
);
