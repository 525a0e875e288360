import assert from "node:assert/strict";
import { FILE_TYPES } from "../engine/detect/file_type.ts";
import { ATTACHMENT_TYPES } from "./attachment_types.ts";

Deno.test("ATTACHMENT_TYPES are the types that the engine tells by content", () => {
  assert.deepEqual(ATTACHMENT_TYPES, FILE_TYPES);
});
