{{/* The names of everything: the release's, with the chart's unless it is in there. 40 of the 63
characters, so that what is appended has room. */}}
{{- define "app.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What a Service or a Deployment finds its pods by: never changed, because it cannot be. */}}
{{- define "app.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "app.labels" -}}
{{ include "app.selector" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | trunc 63 | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "app.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{- if .Values.image.digest -}}
{{- printf "%s:%s@%s" .Values.image.repository $tag .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository $tag -}}
{{- end -}}
{{- end -}}

{{- define "app.serviceAccount" -}}
{{- .Values.serviceAccount.existing | default (include "app.name" .) -}}
{{- end -}}

{{/* Whether the Job of this rendering runs before Helm, or Argo CD, has made anything else. */}}
{{- define "app.jobComesFirst" -}}
{{- if eq .Values.mode "hook" -}}
{{- if not (and .Values.database.inThisRelease .Release.IsInstall) -}}yes{{- end -}}
{{- else if eq .Values.argocd.phase "PreSync" -}}yes
{{- end -}}
{{- end -}}

{{/* Of every pod. */}}
{{- define "app.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .Values.user }}
runAsGroup: {{ .Values.group }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Of every container. */}}
{{- define "app.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: ["ALL"]
{{- end -}}

{{/* A variable with the URL that a Secret holds: (list "DATABASE_URL" .Values.database.web). */}}
{{- define "app.url" -}}
- name: {{ index . 0 }}
  valueFrom:
    secretKeyRef:
      name: {{ (index . 1).existingSecret }}
      key: {{ (index . 1).key }}
{{- end -}}

{{/* castoff's settings: (list . arguments). Who waits for a revision waits as long as for the lock: for
somebody else's migrations. */}}
{{- define "app.settings" -}}
{{- $wait := eq (first (index . 1)) "wait" -}}
{{- with index . 0 -}}
- name: CASTOFF_IMAGE
  value: {{ include "app.image" . | quote }}
- name: CASTOFF_WAIT_TIMEOUT
  value: {{ $wait | ternary .Values.castoff.lockTimeout .Values.castoff.waitTimeout | quote }}
- name: CASTOFF_LOCK_TIMEOUT
  value: {{ .Values.castoff.lockTimeout | quote }}
- name: CASTOFF_LOG_FORMAT
  value: {{ .Values.castoff.logFormat | quote }}
{{- with .Values.castoff.migrations }}
- name: CASTOFF_MIGRATIONS
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.castoff.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}
{{- end -}}

{{/* A container that runs one command of castoff and ends: (list . "DATABASE_URL" urls arguments). */}}
{{- define "app.castoff" -}}
{{- $root := index . 0 -}}
- name: castoff
  image: {{ include "app.image" $root | quote }}
  imagePullPolicy: {{ $root.Values.image.pullPolicy }}
  command: {{ concat (list $root.Values.castoff.path) (index . 3) | toJson }}
  env:
    {{- include "app.url" (list (index . 1) (index . 2)) | nindent 4 }}
    {{- include "app.settings" (list $root (index . 3)) | nindent 4 }}
  resources:
    {{- toYaml $root.Values.castoff.resources | nindent 4 }}
  terminationMessagePath: /dev/termination-log
  terminationMessagePolicy: FallbackToLogsOnError
  securityContext:
    {{- include "app.containerSecurity" $root | nindent 4 }}
{{- end -}}

{{/* The pod of a Job: (list . "component" arguments "Never"). */}}
{{- define "app.jobPod" -}}
{{- $root := index . 0 -}}
metadata:
  labels:
    {{- include "app.labels" $root | nindent 4 }}
    app.kubernetes.io/component: {{ index . 1 }}
    {{- with $root.Values.job.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $root.Values.job.podAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  restartPolicy: {{ index . 3 }}
  {{- if and (eq (index . 1) "migrate") (include "app.jobComesFirst" $root) (not $root.Values.serviceAccount.existing) }}
  {{- /* The account that this chart makes is not there yet. */}}
  serviceAccountName: default
  {{- else }}
  serviceAccountName: {{ include "app.serviceAccount" $root }}
  {{- end }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: 30
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- include "app.podSecurity" $root | nindent 4 }}
  containers:
    {{- include "app.castoff" (list $root "CASTOFF_DATABASE_URL" $root.Values.database.migrations (index . 2)) | nindent 4 }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
