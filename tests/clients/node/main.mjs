// `node main.mjs ws|native`: commands are JSON lines on stdin, reports are JSON lines on stdout.
// `ws` is the npm package, `native` the WebSocket that Node itself has.

import { createInterface } from 'node:readline'
import { connect } from 'itty-sockets'
import { WebSocket } from 'ws'
import { createDriver } from './driver.mjs'
import { connectLegacy } from './legacy.mjs'
import { partyConnectors } from './party.mjs'

if (process.argv[2] === 'ws') globalThis.WebSocket = WebSocket

const report = value => process.stdout.write(JSON.stringify(value) + '\n')
const connectors = { itty: connect, legacy: connectLegacy, ...partyConnectors(globalThis.WebSocket) }
const drive = createDriver(connectors, report)

createInterface({ input: process.stdin })
  .on('line', line => drive(JSON.parse(line)))
  .on('close', () => process.exit())
report({ ready: true })
