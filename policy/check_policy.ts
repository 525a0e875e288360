/** The check of `policy.ts`: by the schema, then what a schema cannot say: that names exist and groups have no circle. */
import {
  type DocumentIssue,
  documentIssues,
  formatPath,
  PolicyDocumentError,
  withNearest,
} from "./document_error.ts";
import { type Condition, type Policy, type PolicyList, policySchema } from "./schema.ts";

/** Which part of a list each attribute asks. */
export const LIST_PARTS = {
  sender: "senders",
  recipient: "recipients",
  client: "clients",
  clientName: "names",
  helo: "names",
  user: "users",
  subject: "subjects",
  finding: "findings",
  infected: "findings",
  "attachment.name": "attachments",
  "attachment.extension": "extensions",
} as const satisfies Record<string, keyof PolicyList>;

/** Attributes of a condition that can name a list themselves; those of attachments stand in its parts. */
export const LISTED = [
  "sender",
  "recipient",
  "client",
  "clientName",
  "helo",
  "user",
  "subject",
  "finding",
  "infected",
] as const satisfies readonly (keyof typeof LIST_PARTS)[];

/** An attribute that can name a list. */
export type ListAttribute = keyof typeof LIST_PARTS;

/**
 * Checks the value of `policy.ts` and fills in its defaults.
 *
 * @param file Name of the file, for messages.
 * @throws {PolicyDocumentError} `"document/invalid"` with every issue.
 */
export function checkPolicy(value: unknown, file?: string): Policy {
  const result = policySchema.safeParse(value);
  if (!result.success) {
    throw new PolicyDocumentError(documentIssues(result.error.issues, policySchema, value), file);
  }
  const issues = nameIssues(result.data);
  if (issues.length > 0) throw new PolicyDocumentError(issues, file);
  return result.data;
}

function nameIssues(policy: Policy): DocumentIssue[] {
  const issues: DocumentIssue[] = [];
  const listNames = Object.keys(policy.lists);
  const groupNames = Object.keys(policy.groups);

  const list = (name: string, attribute: ListAttribute, path: PropertyKey[]) => {
    const part = LIST_PARTS[attribute];
    const found = Object.hasOwn(policy.lists, name) ? policy.lists[name] : undefined;
    if (!found) issues.push(withNearest(formatPath(path), "no such list", name, listNames));
    else if (found[part] === undefined) {
      issues.push(withNearest(
        formatPath(path),
        `list ${JSON.stringify(name)} has no ${part}, which ${attribute} asks`,
        name,
        listNames.filter((other) => policy.lists[other]![part] !== undefined),
      ));
    }
  };
  const group = (name: string, path: PropertyKey[]) => {
    if (!Object.hasOwn(policy.groups, name)) {
      issues.push(withNearest(formatPath(path), "no such group", name, groupNames));
    }
  };
  const items = (value: unknown, attribute: ListAttribute, path: PropertyKey[]) => {
    if (Array.isArray(value)) {
      value.forEach((item, index) => items(item, attribute, [...path, index]));
    } else if (typeof value === "object" && value !== null) {
      if ("list" in value && typeof value.list === "string") {
        list(value.list, attribute, [...path, "list"]);
      }
      if ("group" in value && typeof value.group === "string") {
        group(value.group, [...path, "group"]);
      }
    }
  };
  const condition = (when: Condition, path: PropertyKey[]) => {
    for (
      const attribute of LISTED
    ) {
      const value = when[attribute];
      if (typeof value === "object") items(value, attribute, [...path, attribute]);
    }
    if (when.attachment !== undefined) {
      const several = Array.isArray(when.attachment);
      [when.attachment].flat().forEach((one, index) => {
        const at = [...path, "attachment", ...(several ? [index] : [])];
        items(one.name, "attachment.name", [...at, "name"]);
        items(one.extension, "attachment.extension", [...at, "extension"]);
      });
    }
    if (when.not) condition(when.not, [...path, "not"]);
    when.any?.forEach((one, index) => condition(one, [...path, "any", index]));
    when.all?.forEach((one, index) => condition(one, [...path, "all", index]));
  };

  policy.rules.forEach((rule, index) => {
    if (rule.when) condition(rule.when, ["rules", index, "when"]);
  });
  for (const name of groupNames) {
    const one = policy.groups[name]!;
    items(one.recipients, "recipient", ["groups", name, "recipients"]);
    if (one.parent !== undefined) {
      group(one.parent, ["groups", name, "parent"]);
      const seen = new Set([name]);
      for (
        let up: string | undefined = one.parent;
        up !== undefined;
        up = policy.groups[up]?.parent
      ) {
        if (up === name) {
          issues.push({
            path: formatPath(["groups", name, "parent"]),
            message: `a group cannot be above itself: ${[...seen, name].join(" -> ")}`,
          });
        }
        if (seen.has(up)) break;
        seen.add(up);
      }
    }
  }
  return issues;
}
