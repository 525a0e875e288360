/** Programs that call a command-line scanner, with Postern as the one that they find. */
import assert from "node:assert/strict";
import { Gateway } from "./gateway.ts";
import { ENVELOPE, infectedMail, mail, zippedMail } from "./mail.ts";
import { EICAR } from "./mail.ts";
import { startAmavis, stockEntry } from "./peers/amavis.ts";
import { relayTo, startExim } from "./peers/exim.ts";
import { peerTest } from "./peers/peer.ts";
import { ScriptedSink } from "./peers/scripted_sink.ts";
import { sendMail } from "./peers/smtp_client.ts";
import { readableProgram } from "./readable_program.ts";
import { temporaryDirectory } from "./temporary.ts";
import { freePort, until } from "./wait.ts";

const ZIPPED = new TextEncoder().encode(EICAR);

/** A gateway with a socket for tools, and the installed program. */
async function scene() {
  const stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory()).path;
  const socket = `${directory}/run/tools.sock`;
  const program = await readableProgram(directory);
  const gateway = stack.use(
    await Gateway.start({ agents: {}, config: { tools: { socket: `unix:${socket}` } } }),
  );
  return { directory, socket, program, gateway, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

peerTest(["amavisd"], "amavisd-new finds esets_cli by the entry that it comes with", async () => {
  await using at = await scene();
  await using sink = ScriptedSink.start();
  const folder = `${at.directory}/folder`;
  await Deno.mkdir(folder);
  // amavis gives its scanners no environment of ours.
  await Deno.writeTextFile(
    `${folder}/esets_cli`,
    `#!/bin/sh\nPOSTERN_SOCKET=${at.socket} exec ${at.program} esets-cli "$@"\n`,
    { mode: 0o755 },
  );
  const work = `${at.directory}/work`;
  await Deno.mkdir(work);
  await Deno.chmod(work, 0o777);
  await using amavis = await startAmavis({
    directory: at.directory,
    work,
    port: freePort(),
    nextHop: sink.port,
    scanner: { folder, entry: await stockEntry("ESET Software ESETS Command Line Interface") },
  });
  const send = (message: Uint8Array) => sendMail(amavis.port, { ...ENVELOPE, message });
  const clean = await send(mail("clean"));
  assert.equal(clean.code, 250, `${clean.text}\n${amavis.log()}`);
  await until("the clean one", () => sink.messages.length === 1);
  for (const message of [infectedMail("bad"), zippedMail("zip", ZIPPED, 2)]) {
    const refused = await send(message);
    assert.equal(refused.code, 554, `${refused.text}\n${amavis.log()}`);
    assert.match(refused.text, /INFECTED: Eicar-Test-Signature/);
  }
  assert.equal(sink.messages.length, 1);
});

peerTest(["exim4"], "Exim's malware condition asks Postern as a command line", async () => {
  await using at = await scene();
  await using sink = ScriptedSink.start();
  const port = freePort();
  const command = `${at.program} scan --socket ${at.socket} --format clamscan --zero-when-found %s`;
  await using exim = await startExim({
    directory: at.directory,
    port,
    main: [
      `av_scanner = cmdline:${command}:FOUND:(\\S+) FOUND`,
      "acl_smtp_data = check",
    ],
    acl: [
      "check:",
      "  deny malware = *",
      "    message = This message has $malware_name",
      "  accept",
    ],
    ...relayTo(sink.port),
  });
  const send = (message: Uint8Array) => sendMail(port, { ...ENVELOPE, message });
  const clean = await send(mail("clean"));
  assert.equal(clean.code, 250, `${clean.text}\n${await exim.log()}`);
  for (const message of [infectedMail("bad"), zippedMail("zip", ZIPPED, 2)]) {
    const refused = await send(message);
    assert.equal(refused.code, 550, `${refused.text}\n${await exim.log()}`);
    assert.match(refused.text, /This message has Eicar-Test-Signature/);
  }
  await until("the clean one", () => sink.messages.length === 1);
});
