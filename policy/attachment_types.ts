/** Types of content that a rule may ask of an attachment: the engine's. */
import { FILE_TYPES, type FileType, type FileTypeGroup } from "../engine/file_types.ts";

/** What `attachment: { type }` may say: a type by content, or the name of a group of them (`executable`, `archive`, ...). */
export type AttachmentType = FileTypeGroup | FileType;

/** Every {@link AttachmentType}, groups first, each once. */
export const ATTACHMENT_TYPE_NAMES: readonly AttachmentType[] = [
  ...new Set<AttachmentType>([
    ...(Object.keys(FILE_TYPES) as FileTypeGroup[]),
    ...Object.values(FILE_TYPES).flat(),
  ]),
];

/** The types by content that a name in a rule stands for. */
export function attachmentTypesOf(name: AttachmentType): readonly string[] {
  return Object.hasOwn(FILE_TYPES, name) ? FILE_TYPES[name as FileTypeGroup] : [name];
}
