import assert from "node:assert/strict";
import { temporaryDirectory } from "../tests/temporary.ts";
import { ControlClient } from "./control/client.ts";
import { ToolsSocket } from "./tools_socket.ts";

Deno.test("ToolsSocket.apply() gives the same place another mode", async () => {
  await using directory = await temporaryDirectory();
  const path = `${directory.path}/tools.sock`;
  const tools = new ToolsSocket(() => Promise.resolve({ result: "done" }));
  try {
    for (const mode of ["0666", "0600", "0660"]) {
      await tools.apply({ inFlight: "1MB", tools: { socket: `unix:${path}`, mode } });
      await new Promise((wake) => setTimeout(wake, 5));
      assert.equal((await Deno.stat(path)).mode! & 0o777, Number.parseInt(mode, 8));
      const client = await ControlClient.connect(path);
      assert.equal((await client.call("scan")).result, "done");
      client.close();
    }
  } finally {
    await tools.close();
  }
});

Deno.test("ToolsSocket.apply() can go back after it could not go on at the same place", async () => {
  await using directory = await temporaryDirectory();
  const place = `${directory.path}/run`;
  const path = `${place}/tools.sock`;
  const config = (mode: string) =>
    ({ inFlight: "1MB", tools: { socket: `unix:${path}`, mode } }) as const;
  const tools = new ToolsSocket(() => Promise.resolve({ result: "done" }));
  await Deno.mkdir(place);
  try {
    await tools.apply(config("0666"));
    await Deno.remove(place, { recursive: true });
    await assert.rejects(tools.apply(config("0600")), { code: "wire/closed" });
    await Deno.mkdir(place);
    await tools.apply(config("0666"));
    const client = await ControlClient.connect(path);
    assert.equal((await client.call("scan")).result, "done");
    client.close();
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o666);
  } finally {
    await tools.close();
  }
});
