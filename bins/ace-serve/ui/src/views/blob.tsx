// Text and pictures that are kept beside the log, loaded when somebody wants to see them.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { BlobRef } from "../events/types";
import { plain } from "../text/plain";
import { bytes } from "../text/units";
import { blobUrl, text } from "../wire/api";

/** Characters of a blob that are shown in a page. */
export const SHOWN_CHARS = 2_000_000;

/** The text of a blob, if it is wanted. */
export function useBlob(blob: BlobRef | undefined, wanted = true) {
  return useQuery({
    queryKey: ["blob", blob?.sha], enabled: wanted && blob !== undefined, staleTime: Number.POSITIVE_INFINITY,
    queryFn: ({ signal }) => text(`/blobs/${blob?.sha ?? ""}`, SHOWN_CHARS, signal),
  });
}

const pictures = /^image\/(png|jpeg|gif|webp|avif|bmp)$/;

/** A picture of the session's own: shown at once. Other media are named and can be downloaded. */
export function Picture({ blob, name }: { blob: BlobRef; name: string }) {
  const [wide, setWide] = useState(false);
  if (!pictures.test(blob.media ?? "")) {
    return <a className="button" href={blobUrl(blob.sha, name)} download>{plain(name)} · {plain(blob.media ?? "")} · {bytes(blob.bytes)}</a>;
  }
  return (
    <div className="shot">
      <button type="button" className="link" aria-pressed={wide} onClick={() => setWide(!wide)} title={wide ? "smaller" : "whole size"}>
        <img src={blobUrl(blob.sha)} alt={name} loading="lazy" style={wide ? { maxHeight: "none" } : undefined} />
      </button>
      <span className="lbl">{name} · {bytes(blob.bytes)}</span>
    </div>
  );
}
