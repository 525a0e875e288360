import assert from "node:assert/strict";
import { temporaryDirectory } from "../tests/temporary.ts";
import { ControlClient } from "./control/client.ts";
import { ToolsSocket } from "./tools_socket.ts";

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
    await Deno.rename(place, `${place}.away`);
    await assert.rejects(tools.apply(config("0600")), { code: "wire/closed" });
    await Deno.rename(`${place}.away`, place);
    await tools.apply(config("0666"));
    const client = await ControlClient.connect(path);
    assert.equal((await client.call("scan")).result, "done");
    client.close();
    assert.equal((await Deno.stat(path)).mode! & 0o777, 0o666);
  } finally {
    await tools.close();
  }
});
