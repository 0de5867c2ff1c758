// ws on Node: the loop over clients that its documentation gives for a broadcast, over the members of one channel.
//
// The envelope is made once, as a buffer, and sent as text; nothing is decoded. bufferutil, which its documentation
// recommends for unmasking, is installed beside it. No compression, no pings, no list of all clients.

import { WebSocketServer, WebSocket } from "ws";

const PATH = "/c/";
const boot = Math.random().toString(36).slice(2, 8);
const channels = new Map();
const END = Buffer.from("}");
let members = 0;
let messages = 0;

function channelOf(url) {
  const end = url.indexOf("?");
  const path = end < 0 ? url : url.slice(0, end);
  return path.startsWith(PATH) ? path.slice(PATH.length) : "";
}

function join(channel, socket) {
  let joined = channels.get(channel);
  if (joined === undefined) channels.set(channel, (joined = new Set()));
  joined.add(socket);
  socket.on("close", () => {
    joined.delete(socket);
    if (joined.size === 0) channels.delete(channel);
  });
  return joined;
}

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: 0,
  backlog: 1024,
  perMessageDeflate: false,
  clientTracking: false,
  maxPayload: 16 * 1024 * 1024,
});

server.on("connection", (socket, request) => {
  const joined = join(channelOf(request.url), socket);
  const stamp = `","uid":"${boot}${(++members).toString(36)}","date":`;
  socket.on("error", () => socket.terminate());
  socket.on("message", (payload) => {
    const head = Buffer.from(`{"id":"${boot}${++messages}${stamp}${Date.now()},"message":`);
    const envelope = Buffer.concat([head, payload, END]);
    for (const member of joined) {
      if (member !== socket && member.readyState === WebSocket.OPEN) {
        member.send(envelope, { binary: false });
      }
    }
  });
});

server.on("listening", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
