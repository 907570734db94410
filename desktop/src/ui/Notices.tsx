import type { ReactNode } from "react";
import type { Desk } from "../core/desk";
import type { Notice } from "../core/protocol.gen";
import type { Link } from "../core/socket";
import { useWords } from "./words";

export function ReconnectBanner(props: { desk: Desk; link: Link; greeted: boolean }) {
  const words = useWords();
  const lost = props.link.kind === "waiting" || (props.link.kind === "connecting" && props.greeted);
  return (
    <div className="banner-place" role="status">
      {lost && (
        <div className="banner" data-testid="reconnect">
          <span className="banner-text">{words("banner")}</span>
          <button type="button" onClick={() => props.desk.retryNow()}>
            {words("retry")}
          </button>
        </div>
      )}
    </div>
  );
}

interface NoticesProps {
  desk: Desk;
  notices: readonly Notice[];
  children?: ReactNode;
}

export function Notices({ desk, notices, children }: NoticesProps) {
  const words = useWords();
  return (
    <div className="notices" role="status">
      {children}
      {notices.map((notice, index) => (
        <div key={`${notice.ts}-${index}`} className={`notice notice-${notice.level}`}>
          <span>{words.code("notice", notice.code)}</span>
          <button type="button" onClick={() => desk.dismissNotice(index)}>
            {words("dismiss")}
          </button>
        </div>
      ))}
    </div>
  );
}
