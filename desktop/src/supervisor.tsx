import { createRoot } from "react-dom/client";
import { me } from "./core/supervisor/api";
import { Supervisor } from "./core/supervisor/supervisor";
import { SupervisorApp } from "./ui/supervisor/SupervisorApp";
import "./ui/base.css";
import "./ui/desk.css";
import "./ui/supervisor/supervisor.css";

const supervisor = new Supervisor({
  me,
  open: () => new EventSource("/api/v1/supervisor/events"),
  later: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  now: Date.now,
});
supervisor.start();
const root = document.getElementById("root");
if (root) createRoot(root).render(<SupervisorApp supervisor={supervisor} />);
