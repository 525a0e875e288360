/** `postern policy schema`: the JSON Schema of the documents, for editors and other tools. */
import { object } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { map } from "@optique/core/modifiers";
import { command, option } from "@optique/core/primitives";
import { configJsonSchema, policyJsonSchema } from "../../policy/reference.ts";
import { EXIT, jsonOption, type Task } from "../command.ts";
import { printJson } from "../output.ts";

/** `postern policy schema`. */
export const policySchemaCommand = command(
  "schema",
  map(
    object({
      node: option("--node", { description: message`That of postern.config.ts instead` }),
      json: jsonOption(),
    }),
    ({ node }): Task => () => {
      printJson(node ? configJsonSchema() : policyJsonSchema());
      return Promise.resolve(EXIT.ok);
    },
  ),
  { brief: message`Print the JSON Schema of the policy document` },
);
