import { createRoot } from "react-dom/client";
import { pageCaller } from "./core/caller/page_caller";
import { CallerApp } from "./ui/caller/CallerApp";
import "./ui/base.css";
import "./ui/desk.css";
import "./ui/caller/caller.css";

const caller = pageCaller();
void caller.start();
const root = document.getElementById("root");
if (root) createRoot(root).render(<CallerApp caller={caller} />);
