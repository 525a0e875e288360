import assert from "node:assert/strict";
import { temporaryDirectory } from "../tests/temporary.ts";
import { ToolsConnection } from "./tools_connection.ts";

Deno.test("ToolsConnection waits no longer than it may for a daemon that does not answer", async () => {
  await using directory = await temporaryDirectory();
  const socket = `${directory.path}/socket`;
  using _deaf = Deno.listen({ transport: "unix", path: socket });
  const tools = await ToolsConnection.to({ socket, maxTime: 50 });
  const request = {
    agent: "pipe",
    listener: "x",
    envelope: { sender: "", recipients: ["b@here.test"] },
  } as const;
  await assert.rejects(tools.process(request, new Uint8Array(1)), {
    code: "wire/timeout",
    message: "The daemon did not answer within 50 ms",
  });
  (await tools.connect()).close();
});
