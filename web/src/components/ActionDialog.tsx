// A button that opens a dialog with a form. The server's own refusal is shown in it.
import { useEffect, useState, type FormEvent, type ReactNode } from 'react';
import type { CombinedError } from '@urql/core';
import { Button, Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components';
import { codeOf } from '../api/errortext';

interface Props {
  button: string;
  title: string;
  /** The text of the button that does it. */
  confirm: string;
  /** Whether it can be done now. */
  ready?: boolean;
  primary?: boolean;
  /** Does it. Returns the server's error, if there is one; without one the dialog closes. */
  onSubmit: () => Promise<CombinedError | undefined>;
  children: ReactNode;
}

/** What the server says when it refuses a change, in its own words. */
export function refusal(error: CombinedError): string {
  if (codeOf(error) === 'NETWORK') return 'The server did not answer. Nothing is known to have changed: look before you try again.';
  const text = error.graphQLErrors.map((one) => one.message).join('; ');
  return codeOf(error) === 'CONFLICT' ? `Someone changed it meanwhile: ${text}` : text;
}

/** The time in which a closing dialog gives the focus back, in ms. */
const FOCUS_LOST = 100;

/** A change with its form. */
export function ActionDialog({ button, title, confirm, ready = true, primary, onSubmit, children }: Props) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState('');
  // What was done may take its own button away. The focus goes to the content then, and not to the start of the page.
  useEffect(
    () => () => {
      setTimeout(() => {
        if (document.activeElement === document.body) document.getElementById('content')?.focus({ preventScroll: true });
      }, FOCUS_LOST);
    },
    [],
  );
  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    setProblem('');
    const error = await onSubmit();
    setBusy(false);
    if (error) setProblem(refusal(error));
    else setOpen(false);
  }
  return (
    <DialogTrigger
      isOpen={open}
      onOpenChange={(next) => {
        setProblem('');
        setOpen(next);
      }}
    >
      <Button className={primary ? 'primary-look' : ''}>{button}</Button>
      <ModalOverlay className="overlay" isDismissable>
        <Modal className="modal">
          <Dialog>
            <form onSubmit={(event) => void submit(event)}>
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              {children}
              <p className="error" role="alert">
                {problem}
              </p>
              <div className="actions">
                <button type="submit" className="primary" disabled={busy || !ready}>
                  {confirm}
                </button>
                <button type="button" onClick={() => setOpen(false)}>
                  Cancel
                </button>
              </div>
            </form>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  );
}

interface TextProps {
  label: string;
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  required?: boolean;
  hint?: string;
}

/** A field for text in a form. */
export function TextField({ label, value, onChange, rows = 1, required, hint }: TextProps) {
  const id = `field-${label.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {rows > 1 ? (
        <textarea id={id} rows={rows} value={value} required={required} aria-describedby={hint ? `${id}-hint` : undefined} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input id={id} value={value} required={required} autoComplete="off" aria-describedby={hint ? `${id}-hint` : undefined} onChange={(event) => onChange(event.target.value)} />
      )}
      {hint && (
        <span id={`${id}-hint`} className="muted small">
          {hint}
        </span>
      )}
    </div>
  );
}
