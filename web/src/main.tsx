import './styles/tokens.css';
import './styles/base.css';
import { createRoot } from 'react-dom/client';
import { App } from './App';
import { BASE } from './api/session';
import { applyTheme } from './components/theme';

applyTheme();

// Links of earlier releases name a node in the fragment.
const linked = new URLSearchParams(location.hash.slice(1)).get('node');
if (linked !== null) history.replaceState(null, '', `${BASE}/lineage/${encodeURIComponent(linked)}`);

createRoot(document.getElementById('app')!).render(<App />);
