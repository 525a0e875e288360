/** `postern policy`: what can be asked of a policy, and made of it. */
import { or } from "@optique/core/constructs";
import { message } from "@optique/core/message";
import { command } from "@optique/core/primitives";
import type { Command } from "./command.ts";
import { policyBuild } from "./policy/build.ts";
import { policyCheck } from "./policy/check.ts";
import { policyDiff } from "./policy/diff.ts";
import { policyExplain } from "./policy/explain.ts";
import { policyKeygen } from "./policy/keygen.ts";
import { policyReplay } from "./policy/replay.ts";
import { policySchemaCommand } from "./policy/schema.ts";
import { policyTest } from "./policy/test.ts";

const brief = message`Check, explain, test, compare and build the policy`;

/** `postern policy`. */
export const policy: Command = {
  name: "policy",
  brief,
  parser: command(
    "policy",
    or(
      policyCheck,
      policyExplain,
      policyTest,
      policyDiff,
      policyReplay,
      policyBuild,
      policyKeygen,
      policySchemaCommand,
    ),
    { brief },
  ),
};
