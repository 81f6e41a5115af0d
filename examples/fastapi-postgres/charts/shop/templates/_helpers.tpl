{{/* What tells the pods of one part apart: (list . "api") */}}
{{- define "shop.selector" -}}
{{- $top := first . -}}
app.kubernetes.io/name: shop
app.kubernetes.io/instance: {{ $top.Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{- define "shop.labels" -}}
{{- $top := first . -}}
{{ include "shop.selector" . }}
app.kubernetes.io/version: {{ $top.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $top.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $top.Chart.Name $top.Chart.Version }}
{{- end }}

{{- define "shop.image" -}}
image: {{ printf "%s:%s" .repository (.tag | toString) | quote }}
imagePullPolicy: {{ .pullPolicy }}
{{- end }}

{{/* Fits the Pod Security Standard "restricted". */}}
{{- define "shop.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{/* How the API and the migrations find the database: the standard variables of its client library. */}}
{{- define "shop.databaseEnv" -}}
- { name: PGHOST, value: {{ .Release.Name }}-db }
- { name: PGPORT, value: "5432" }
- { name: PGDATABASE, value: {{ .Values.database.name | quote }} }
- { name: PGUSER, value: {{ .Values.database.user | quote }} }
- name: PGPASSWORD
  valueFrom: { secretKeyRef: { name: {{ .Release.Name }}-db, key: password } }
{{- end }}
