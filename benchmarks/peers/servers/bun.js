// The peer: Bun's own publish and subscribe (uWebSockets), the fastest way its documentation shows.
//
// It does what a relay must do for a message and nothing else: the same URL and the same envelope, but no check of
// the JSON, no limits, no joins and leaves. Everything optional that costs time is off.

const PATH = "/c/";
const boot = Math.random().toString(36).slice(2, 8);
let members = 0;
let messages = 0;

function member(request) {
  const url = request.url;
  const begin = url.indexOf(PATH, 8);
  if (begin < 0) return null;
  const end = url.indexOf("?", begin);
  const uid = `${boot}${(++members).toString(36)}`;
  return {
    channel: end < 0 ? url.slice(begin + PATH.length) : url.slice(begin + PATH.length, end),
    stamp: `","uid":"${uid}","date":`,
  };
}

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.env.PORT ?? 0),
  fetch(request, server) {
    const data = member(request);
    if (data !== null && server.upgrade(request, { data })) return;
    return new Response("a WebSocket upgrade of /c/<channel> is wanted\n", { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    publishToSelf: false,
    idleTimeout: 0,
    sendPings: false,
    backpressureLimit: 1024 * 1024 * 1024,
    closeOnBackpressureLimit: false,
    maxPayloadLength: 16 * 1024 * 1024,
    open(ws) {
      ws.subscribe(ws.data.channel);
    },
    message(ws, text) {
      ws.publish(
        ws.data.channel,
        `{"id":"${boot}${++messages}${ws.data.stamp}${Date.now()},"message":${text}}`,
      );
    },
  },
});

console.log(`listening on http://127.0.0.1:${server.port}`);
