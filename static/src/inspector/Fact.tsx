// One line of the details: what it is, and what it is like.
import type { JSX } from "solid-js";
import { Icon, type IconName } from "../ui/Icon";

export function Fact(props: { icon: IconName; label: string; children: JSX.Element }): JSX.Element {
  return <div class="fact"><dt><Icon name={props.icon} size={15} /><span>{props.label}</span></dt><dd>{props.children}</dd></div>;
}
