/** `postern greylist`, beside a daemon and without one. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { RawClient } from "../agents/testing/raw_client.ts";
import { Gateway } from "../tests/gateway.ts";
import { run } from "../tests/peers/process.ts";
import { POSTERN } from "../tests/program.ts";

function postern(...args: readonly string[]) {
  return run(POSTERN, [...args], {
    environment: { ...Deno.env.toObject(), POSTERN_DENO: Deno.execPath(), NO_COLOR: "1" },
  });
}

Deno.test("greylist list and clear show and forget what was asked of a daemon, and of the store alone", async () => {
  await using gateway = await Gateway.start({
    agents: { delegation: { agent: "delegation" } },
    policy: { settings: { greylist: { action: "delay" } } },
  });
  using client = await RawClient.connect(`127.0.0.1:${gateway.port("delegation")}`);
  const clients = ["203.0.113.7", "2001:db8::7"];
  for (const address of clients) {
    await client.write(
      `request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=${address}\n` +
        "sender=Ann+7@far.test\nrecipient=bob@here.test\n\n",
    );
    assert.match(await client.until("\n\n"), /^action=DEFER_IF_PERMIT 4\.7\.1 Greylisted/);
    client.take();
  }
  const socket = ["--socket", join(gateway.directory, "state/control.sock")];
  const list = await postern("greylist", "list", ...socket);
  assert.equal(list.code, 0, list.stderr);
  assert.match(list.stdout, /203\.0\.113\.0\/24 +<ann@far\.test> +<bob@here\.test> +waits/);
  assert.match((await postern("status", ...socket)).stdout, /greylist: 0 senders known, 2 to come/);
  const of = ["--client", clients[1]!];
  const json = await postern("greylist", "list", "--json", ...of, ...socket);
  assert.deepEqual(
    (JSON.parse(json.stdout) as { network: string }[]).map(({ network }) => network),
    ["2001:db8::/64"],
  );
  assert.equal((await postern("greylist", "clear", ...socket)).code, 64);
  assert.equal((await postern("greylist", "clear", "--all", ...of, ...socket)).code, 64);
  assert.equal((await postern("greylist", "clear", "--client", "far.test", ...socket)).code, 64);
  const cleared = await postern("greylist", "clear", ...of, ...socket);
  assert.equal(cleared.stdout, "1 records are forgotten.\n", cleared.stderr);

  assert.equal(await gateway.stop(), 0);
  const config = ["--config", gateway.config];
  const sender = ["--sender", "ANN"];
  assert.match((await postern("greylist", "list", ...sender, ...config)).stdout, /203\.0\.113\.0/);
  assert.match((await postern("greylist", "clear", "--all", ...config)).stdout, /^1 records/);
  assert.match(
    (await postern("greylist", "list", ...config)).stdout,
    /^Nothing is in the greylist/,
  );
});
