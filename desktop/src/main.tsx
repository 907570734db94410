import { createRoot } from "react-dom/client";
import { Desk } from "./core/desk";
import { App } from "./ui/App";
import "./ui/base.css";
import "./ui/desk.css";
import "./ui/card.css";

const desk = new Desk();
void desk.start();
const root = document.getElementById("root");
if (root) createRoot(root).render(<App desk={desk} />);
